// RUN: %nnc-opt %s --nn-inline --split-input-file | FileCheck %s

// A small layer dissolves in both its users; sizes of the call are put in, a constant one leaves the encoding away.
// CHECK-NOT: @Scale
// CHECK-LABEL: func.func @twice
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32, #nn.shape<[B, 4]>>)
// CHECK: %[[A:.*]] = nn.mul %[[X]], %[[X]] : (tensor<?x4xf32, #nn.shape<[B, 4]>>, tensor<?x4xf32, #nn.shape<[B, 4]>>)
// CHECK: %[[S:.*]] = nn.size <2 * B + 1> -> tensor<2x4xf32>
// CHECK: nn.add %[[S]], %{{.*}} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
func.func private @Scale(%x: tensor<?x?xf32, #nn.shape<[N, C]>>, %y: tensor<2x?xf32, #nn.shape<[2, C]>>)
    -> (tensor<?x?xf32, #nn.shape<[N, C]>>, tensor<2x?xf32, #nn.shape<[2, C]>>) attributes {nn.dims = ["N", "C"]} {
  %a = nn.mul %x, %x : (tensor<?x?xf32, #nn.shape<[N, C]>>, tensor<?x?xf32, #nn.shape<[N, C]>>) -> tensor<?x?xf32, #nn.shape<[N, C]>>
  %s = nn.size <2 * N + 1> -> tensor<2x?xf32, #nn.shape<[2, C]>>
  %b = nn.add %s, %y : (tensor<2x?xf32, #nn.shape<[2, C]>>, tensor<2x?xf32, #nn.shape<[2, C]>>) -> tensor<2x?xf32, #nn.shape<[2, C]>>
  return %a, %b : tensor<?x?xf32, #nn.shape<[N, C]>>, tensor<2x?xf32, #nn.shape<[2, C]>>
}
!x = tensor<?x4xf32, #nn.shape<[B, 4]>>
func.func @twice(%x: !x) -> (!x, tensor<2x4xf32>) attributes {nn.dims = ["B"]} {
  %z = nn.constant 0.0 : f32 -> tensor<2x4xf32>
  %a, %b = nn.call @Scale(%x, %z) dims <[B, 4]> : (!x, tensor<2x4xf32>) -> (!x, tensor<2x4xf32>)
  %c, %d = nn.call @Scale(%a, %b) dims <[B, 4]> : (!x, tensor<2x4xf32>) -> (!x, tensor<2x4xf32>)
  return %c, %d : !x, tensor<2x4xf32>
}

// -----

// Nine operations are not small: such a function stays if it is called twice, and dissolves if it is called once. The
// dimension of the caller that has the callee's name is not mixed up with it.
!x = tensor<?xf32, #nn.shape<[N]>>
// CHECK-LABEL: func.func private @Big
func.func private @Big(%x: !x) -> !x attributes {nn.dims = ["N"]} {
  %0 = nn.exp %x : (!x) -> !x
  %1 = nn.exp %0 : (!x) -> !x
  %2 = nn.exp %1 : (!x) -> !x
  %3 = nn.exp %2 : (!x) -> !x
  %4 = nn.exp %3 : (!x) -> !x
  %5 = nn.exp %4 : (!x) -> !x
  %6 = nn.exp %5 : (!x) -> !x
  %7 = nn.exp %6 : (!x) -> !x
  %8 = nn.exp %7 : (!x) -> !x
  return %8 : !x
}
// CHECK-NOT: @Once
func.func private @Once(%x: !x) -> !x attributes {nn.dims = ["N"]} {
  %0 = nn.call @Big(%x) dims <[N]> : (!x) -> !x
  %1 = nn.call @Big(%0) dims <[N]> : (!x) -> !x
  %2 = nn.sin %1 : (!x) -> !x
  return %2 : !x
}
// CHECK-LABEL: func.func @caller
// CHECK: nn.call @Big(%{{.*}}) dims <[2 * N]>
// CHECK: nn.call @Big(%{{.*}}) dims <[2 * N]>
// CHECK: nn.sin
!y = tensor<?xf32, #nn.shape<[2 * N]>>
func.func @caller(%x: !y) -> !y attributes {nn.dims = ["N"]} {
  %0 = nn.call @Once(%x) dims <[2 * N]> : (!y) -> !y
  return %0 : !y
}

// -----

// The body of a loop takes the layer in; its own places and the call's are kept for messages.
!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
func.func private @Block(%x: !x, %w: tensor<8xf32>) -> !x attributes {nn.dims = ["B"]} {
  %b = nn.broadcast %w {axes = array<i64: 1>} : (tensor<8xf32>) -> !x
  %0 = nn.mul %x, %b : (!x, !x) -> !x
  return %0 : !x
}
// CHECK-NOT: @Block
// CHECK-LABEL: func.func @loop
// CHECK: nn.scan
// CHECK: nn.broadcast
// CHECK-NEXT: %[[Y:.*]] = nn.mul
// CHECK-NEXT: nn.yield %[[Y]]
func.func @loop(%x: !x, %w: tensor<5x8xf32>) -> !x attributes {nn.dims = ["B"]} {
  %y = nn.scan over(%w : tensor<5x8xf32>) carrying(%x : !x) steps <5> {
  ^bb0(%i: tensor<i64>, %wi: tensor<8xf32>, %h: !x):
    %n = nn.call @Block(%h, %wi) dims <[B]> : (!x, tensor<8xf32>) -> !x
    nn.yield %n : !x
  } -> !x
  return %y : !x
}

// -----

// An initialiser is named by its parameter, not called: it stays.
// CHECK: func.func private @init
nn.storage "w" of "M" : tensor<4xf32> {doc = "", initialiser = @init, is_buffer = false}
func.func private @init() -> tensor<4xf32> {
  %0 = nn.constant 1.0 : f32 -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// What writes a part of what it is given dissolves, however large: the part is written where the whole lies.
// CHECK-NOT: func.func private @Keep
// CHECK-LABEL: func.func @keeps
// CHECK-COUNT-2: nn.update
!x = tensor<?xf32, #nn.shape<[N]>>
func.func private @Keep(%x: !x, %part: tensor<1xf32>) -> !x attributes {nn.dims = ["N"]} {
  %0 = nn.exp %part : (tensor<1xf32>) -> tensor<1xf32>
  %1 = nn.exp %0 : (tensor<1xf32>) -> tensor<1xf32>
  %2 = nn.exp %1 : (tensor<1xf32>) -> tensor<1xf32>
  %3 = nn.exp %2 : (tensor<1xf32>) -> tensor<1xf32>
  %4 = nn.exp %3 : (tensor<1xf32>) -> tensor<1xf32>
  %5 = nn.exp %4 : (tensor<1xf32>) -> tensor<1xf32>
  %6 = nn.exp %5 : (tensor<1xf32>) -> tensor<1xf32>
  %7 = nn.exp %6 : (tensor<1xf32>) -> tensor<1xf32>
  %y = nn.update %x, %7 {dynamic = array<i64>, offsets = #nn.shape<[0]>} : (!x, tensor<1xf32>) -> !x
  return %y : !x
}
func.func @keeps(%x: !x, %part: tensor<1xf32>) -> !x attributes {nn.dims = ["N"]} {
  %a = nn.call @Keep(%x, %part) dims <[N]> : (!x, tensor<1xf32>) -> !x
  %b = nn.call @Keep(%a, %part) dims <[N]> : (!x, tensor<1xf32>) -> !x
  return %b : !x
}
