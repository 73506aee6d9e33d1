// RUN: %nnc-opt %s --fuse-epilogues --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
!p = tensor<?x8xi1, #nn.shape<[B, 8]>>

// Bias, activation and residual: one kernel. The sum before the activation is wanted elsewhere: a second result.
// CHECK-LABEL: func.func @chain
// CHECK: %[[B:.*]] = nn.broadcast %arg2
// CHECK: %[[Y:.*]]:2 = nn.contract %arg0, %arg1 extras(%[[B]], %arg0 : {{.*}}) {
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32, %[[RES:.*]]: f32):
// CHECK: %[[S:.*]] = nn.add %[[ACC]], %[[BIAS]] : (f32, f32) -> f32
// CHECK: %[[T:.*]] = nn.tanh %[[S]]
// CHECK: %[[R:.*]] = nn.add %[[T]], %[[RES]]
// CHECK: nn.yield %[[S]], %[[R]]
// CHECK: return %[[Y]]#0, %[[Y]]#1
func.func @chain(%x: !x, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> (!x, !x) attributes {nn.dims = ["B"]} {
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %bb = nn.broadcast %b {axes = array<i64: 1>} : (tensor<8xf32>) -> !x
  %s = nn.add %y, %bb : (!x, !x) -> !x
  %t = nn.tanh %s : (!x) -> !x
  %r = nn.add %t, %x : (!x, !x) -> !x
  return %s, %r : !x, !x
}

// What depends on the contraction on another way ends the epilogue, and is moved behind it.
// CHECK-LABEL: func.func @cycle
// CHECK: %[[A:.*]]:2 = nn.contract %arg0, %arg1 {
// CHECK: nn.exp
// CHECK: nn.sin
// CHECK: nn.yield
// CHECK: %[[S:.*]] = nn.sum %[[A]]#0
// CHECK: %[[SB:.*]] = nn.broadcast %[[S]]
// CHECK: nn.divide %[[A]]#0, %[[SB]]
func.func @cycle(%x: !x, %w: tensor<8x8xf32>) -> (!x, !x) attributes {nn.dims = ["B"]} {
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %e = nn.exp %y : (!x) -> !x
  %s = nn.sum %e {axes = array<i64: 1>} : (!x) -> tensor<?xf32, #nn.shape<[B]>>
  %sin = nn.sin %e : (!x) -> !x
  %sb = nn.broadcast %s {axes = array<i64: 0>} : (tensor<?xf32, #nn.shape<[B]>>) -> !x
  %d = nn.divide %e, %sb : (!x, !x) -> !x
  return %d, %sin : !x, !x
}

// The result of one contraction is an extra of the other.
// CHECK-LABEL: func.func @gated
// CHECK: %[[U:.*]] = nn.contract %arg0, %arg2
// CHECK: nn.contract %arg0, %arg1 extras(%[[U]]
// CHECK: nn.sigmoid
// CHECK: nn.mul
// CHECK: nn.yield
// CHECK-NOT: nn.mul
func.func @gated(%x: !x, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> !x attributes {nn.dims = ["B"]} {
  %g = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %u = nn.contract %x, %v {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %s = nn.sigmoid %g : (!x) -> !x
  %r = nn.mul %s, %u : (!x, !x) -> !x
  return %r : !x
}

// The update of a weight from its gradient reads all it needs once. Made before are what others read as well, and a factor.
// CHECK-LABEL: func.func @update
// CHECK: %[[F:.*]] = nn.exp %arg0
// CHECK: %[[SHARED:.*]] = nn.mul %arg2, %arg2
// CHECK-NEXT: nn.contract %[[F]], %arg1 extras({{.*}}%[[F]]{{.*}} :
// CHECK: nn.mul
// CHECK: nn.add
// CHECK: nn.sub
// CHECK: nn.add
// CHECK: nn.yield
func.func @update(%x: !x, %w: tensor<8x8xf32>, %m: !x, %d: !x) -> (!x, !x) attributes {nn.dims = ["B"]} {
  %f = nn.exp %x : (!x) -> !x
  %g = nn.contract %f, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %decay = nn.mul %m, %d : (!x, !x) -> !x
  %shared = nn.mul %m, %m : (!x, !x) -> !x
  %a = nn.add %g, %decay : (!x, !x) -> !x
  %s = nn.sub %a, %m : (!x, !x) -> !x
  %q = nn.add %s, %f : (!x, !x) -> !x
  %r = nn.add %q, %shared : (!x, !x) -> !x
  return %r, %shared : !x, !x
}

// 16-bit floats: f32 in the body, rounded where the result leaves it.
// CHECK-LABEL: func.func @half
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[R:.*]]: bf16):
// CHECK: %[[W:.*]] = nn.cast %[[R]] : (bf16) -> f32
// CHECK: %[[S:.*]] = nn.add %[[ACC]], %[[W]] : (f32, f32) -> f32
// CHECK: %[[N:.*]] = nn.cast %[[S]] : (f32) -> bf16
// CHECK: nn.yield %[[N]]
func.func @half(%x: tensor<3x4xbf16>, %w: tensor<4x4xbf16>) -> tensor<3x4xbf16> {
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : tensor<3x4xbf16>, tensor<4x4xbf16> -> tensor<3x4xbf16>
  %s = nn.add %y, %x : (tensor<3x4xbf16>, tensor<3x4xbf16>) -> tensor<3x4xbf16>
  return %s : tensor<3x4xbf16>
}

// Integers are summed in i64 and have their own type again before anything else happens.
// CHECK-LABEL: func.func @integers
// CHECK: ^bb0(%[[ACC:.*]]: i64, %[[R:.*]]: i32):
// CHECK: %[[N:.*]] = nn.cast %[[ACC]] : (i64) -> i32
// CHECK: nn.add %[[N]], %[[R]] : (i32, i32) -> i32
func.func @integers(%x: tensor<3x4xi32>, %w: tensor<4x4xi32>) -> tensor<3x4xi32> {
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : tensor<3x4xi32>, tensor<4x4xi32> -> tensor<3x4xi32>
  %s = nn.add %y, %x : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
  return %s : tensor<3x4xi32>
}

// -----

// Rows that are joined before and split after the contraction: it works on the split ones.
!x = tensor<?x5x8xf32, #nn.shape<[B, 5, 8]>>
!r = tensor<?x8xf32, #nn.shape<[5 * B, 8]>>
// CHECK-LABEL: func.func @rows
// CHECK-NOT: nn.reshape
// CHECK: nn.contract %arg0, %arg1 extras(%arg0 : {{.*}}) {
// CHECK: m = 2 : i64
// CHECK-NOT: nn.reshape
func.func @rows(%x: !x, %w: tensor<8x8xf32>) -> !x attributes {nn.dims = ["B"]} {
  %0 = nn.reshape %x : (!x) -> !r
  %1 = nn.contract %0, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !r, tensor<8x8xf32> -> !r
  %2 = nn.reshape %1 : (!r) -> !x
  %3 = nn.add %2, %x : (!x, !x) -> !x
  return %3 : !x
}

// Columns are not rows: splitting them stays behind.
// CHECK-LABEL: func.func @columns
// CHECK: %[[Y:.*]] = nn.contract
// CHECK: nn.reshape %[[Y]]
func.func @columns(%x: !r, %w: tensor<8x8xf32>) -> tensor<?x2x4xf32, #nn.shape<[5 * B, 2, 4]>> attributes {nn.dims = ["B"]} {
  %1 = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !r, tensor<8x8xf32> -> !r
  %2 = nn.reshape %1 : (!r) -> tensor<?x2x4xf32, #nn.shape<[5 * B, 2, 4]>>
  return %2 : tensor<?x2x4xf32, #nn.shape<[5 * B, 2, 4]>>
}

// -----

// A convolution has an epilogue as well: the factor and shift of its channels, the residual, the activation.
!y = tensor<?x4x9xf32, #nn.shape<[B, 4, 9]>>
// CHECK-LABEL: func.func @convolution
// CHECK: %[[S:.*]] = nn.broadcast %arg2 {axes = array<i64: 1>}
// CHECK: %[[Y:.*]] = nn.convolve %arg0, %arg1 extras(%[[S]], %arg0 : {{.*}}) {
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[SCALE:.*]]: f32, %[[RES:.*]]: f32):
// CHECK: %[[M:.*]] = nn.mul %[[ACC]], %[[SCALE]] : (f32, f32) -> f32
// CHECK: %[[A:.*]] = nn.add %[[M]], %[[RES]]
// CHECK: nn.yield %[[A]]
// CHECK: } {dilation = array<i64: 1>, groups = 1 : i64, padding = array<i64: 1>, spread = array<i64: 1>, stride = array<i64: 1>}
// CHECK: return %[[Y]]
func.func @convolution(%x: !y, %w: tensor<4x4x3xf32>, %s: tensor<4xf32>) -> !y attributes {nn.dims = ["B"]} {
  %c = nn.convolve %x, %w {} {stride = array<i64: 1>, padding = array<i64: 1>, dilation = array<i64: 1>, groups = 1 : i64, spread = array<i64: 1>} : !y, tensor<4x4x3xf32> -> !y
  %b = nn.broadcast %s {axes = array<i64: 1>} : (tensor<4xf32>) -> !y
  %m = nn.mul %c, %b : (!y, !y) -> !y
  %a = nn.add %m, %x : (!y, !y) -> !y
  return %a : !y
}
