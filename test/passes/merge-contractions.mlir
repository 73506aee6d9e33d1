// RUN: %nnc-opt %s --merge-contractions --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
!q = tensor<?x6xf32, #nn.shape<[B, 6]>>
!k = tensor<?x2xf32, #nn.shape<[B, 2]>>

// Two projections of one value, each with a bias: one contraction, one bias, two slices.
// CHECK-LABEL: func.func @biased
// CHECK: %[[W:.*]] = nn.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<8x6xf32>, tensor<8x2xf32>) -> tensor<8x8xf32>
// CHECK: %[[Y:.*]] = nn.contract %arg0, %[[W]]
// CHECK: %[[B:.*]] = nn.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<6xf32>, tensor<2xf32>) -> tensor<8xf32>
// CHECK: %[[BB:.*]] = nn.broadcast %[[B]] {axes = array<i64: 1>}
// CHECK: %[[Z:.*]] = nn.add %[[Y]], %[[BB]]
// CHECK: %[[Q:.*]] = nn.slice %[[Z]] {{.*}}offsets = #nn.shape<[0, 0]>
// CHECK: %[[K:.*]] = nn.slice %[[Z]] {{.*}}offsets = #nn.shape<[0, 6]>
// CHECK-NOT: nn.contract
// CHECK: return %[[Q]], %[[K]]
func.func @biased(%x: !x) -> (!q, !k) attributes {nn.dims = ["B"]} {
  %w = nn.parameter "q.weight" : tensor<6x8xf32>
  %wt = nn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %b = nn.parameter "q.bias" : tensor<6xf32>
  %bb = nn.broadcast %b {axes = array<i64: 1>} : (tensor<6xf32>) -> !q
  %q0 = nn.contract %x, %wt {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x6xf32> -> !q
  %q = nn.add %q0, %bb : (!q, !q) -> !q
  %v = nn.parameter "k.weight" : tensor<2x8xf32>
  %vt = nn.transpose %v {permutation = array<i64: 1, 0>} : (tensor<2x8xf32>) -> tensor<8x2xf32>
  %c = nn.parameter "k.bias" : tensor<2xf32>
  %cc = nn.broadcast %c {axes = array<i64: 1>} : (tensor<2xf32>) -> !k
  %k0 = nn.contract %x, %vt {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x2xf32> -> !k
  %k = nn.add %cc, %k0 : (!k, !k) -> !k
  return %q, %k : !q, !k
}

// -----

// In a loop over stacked parameters, and a weight that is stored the other way round. Without common biases these stay.
!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
// CHECK-LABEL: func.func @loop
// CHECK: nn.scan
// CHECK: ^bb0(%{{.*}}, %[[W:.*]]: tensor<8x8xf32>, %[[V:.*]]: tensor<8x8xf32>, %[[H:.*]]: tensor<?x8xf32
// CHECK: %[[T:.*]] = nn.transpose %[[W]]
// CHECK: %[[ALL:.*]] = nn.concat %[[T]], %[[V]]
// CHECK: nn.contract %[[H]], %[[ALL]]
// CHECK-NOT: nn.contract
func.func @loop(%x: !x) -> !x attributes {nn.dims = ["B"]} {
  %w = nn.parameter "#.w" : tensor<3x8x8xf32>
  %v = nn.parameter "#.v" : tensor<3x8x8xf32>
  %r = nn.scan over(%w, %v : tensor<3x8x8xf32>, tensor<3x8x8xf32>) carrying(%x : !x) steps <3> {
  ^bb0(%i: tensor<i64>, %wi: tensor<8x8xf32>, %vi: tensor<8x8xf32>, %h: !x):
    %t = nn.transpose %wi {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %a = nn.contract %h, %t {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
    %b = nn.contract %h, %vi {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
    %s = nn.sigmoid %a : (!x) -> !x
    %n = nn.mul %s, %b : (!x, !x) -> !x
    nn.yield %n : !x
  } -> !x
  return %r : !x
}

// -----

// Not merged: another left operand, and a right operand that is a value of the call (joining it would cost a copy).
!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
// CHECK-LABEL: func.func @apart
// CHECK-NOT: nn.concat
// CHECK-COUNT-3: nn.contract
func.func @apart(%x: !x, %y: !x, %v: tensor<8x8xf32>) -> (!x, !x, !x) attributes {nn.dims = ["B"]} {
  %w = nn.parameter "w" : tensor<8x8xf32>
  %a = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %b = nn.contract %y, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %c = nn.contract %x, %v {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  return %a, %b, %c : !x, !x, !x
}
