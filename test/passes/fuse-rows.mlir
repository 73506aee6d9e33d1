// RUN: %nnc-opt %s --decompose --simplify --fuse-rows --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>
!b = tensor<?xf32, #nn.shape<[B]>>

// A norm with the residual before it and what follows: one pass over the row. The sum is wanted elsewhere: two results.
// CHECK-LABEL: func.func @norm
// CHECK: %[[W:.*]] = nn.broadcast %arg2
// CHECK-NEXT: %[[R:.*]]:2 = nn.rows(%arg0, %arg1, %[[W]] : {{.*}}) {
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<8xf32>, %{{.*}}: tensor<8xf32>):
// CHECK: %[[H:.*]] = nn.add %[[X]], %[[Y]]
// CHECK: nn.sum %[[H]] {axes = array<i64>} : (tensor<8xf32>) -> tensor<f32>
// CHECK: nn.sum
// CHECK: %[[V:.*]] = nn.rsqrt %{{.*}} : (tensor<f32>) -> tensor<f32>
// CHECK: nn.broadcast %[[V]] {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
// CHECK: nn.tanh
// CHECK: nn.yield %[[H]], %{{.*}} : tensor<8xf32>, tensor<8xf32>
// CHECK: parallel = #nn.shape<[B]>, row = #nn.shape<[8]>, row_rank = 1
// CHECK-NEXT: return %[[R]]#0, %[[R]]#1
func.func @norm(%x: !x, %y: !x, %w: tensor<8xf32>) -> (!x, !x) attributes {nn.dims = ["B"]} {
  %h = nn.add %x, %y : (!x, !x) -> !x
  %m = nn.mean %h {axes = array<i64: -1>} : (!x) -> !b
  %mb = nn.broadcast %m {axes = array<i64: 0>} : (!b) -> !x
  %d = nn.sub %h, %mb : (!x, !x) -> !x
  %v = nn.var %h {axes = array<i64: -1>, keep = true} : (!x) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %eps = nn.constant 1.0e-5 : f32 -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %ve = nn.add %v, %eps : (tensor<?x1xf32, #nn.shape<[B, 1]>>, tensor<?x1xf32, #nn.shape<[B, 1]>>) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %r = nn.rsqrt %ve : (tensor<?x1xf32, #nn.shape<[B, 1]>>) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %rb = nn.broadcast %r {axes = array<i64: 0, 1>} : (tensor<?x1xf32, #nn.shape<[B, 1]>>) -> !x
  %n = nn.mul %d, %rb : (!x, !x) -> !x
  %wb = nn.broadcast %w {axes = array<i64: 1>} : (tensor<8xf32>) -> !x
  %s = nn.mul %n, %wb : (!x, !x) -> !x
  %t = nn.tanh %s : (!x) -> !x
  return %h, %t : !x, !x
}

// Two reductions of one value in one pass, though nothing joins their results.
// CHECK-LABEL: func.func @siblings
// CHECK: nn.rows(%arg0
// CHECK: nn.sum
// CHECK: nn.max
// CHECK: nn.argmax %{{.*}} {axis = 0 : i64} : (tensor<8xf32>) -> tensor<i64>
// CHECK-NOT: nn.rows
func.func @siblings(%x: !x) -> (!b, !b, tensor<?xi64, #nn.shape<[B]>>) attributes {nn.dims = ["B"]} {
  %s = nn.sum %x {axes = array<i64: 1>} : (!x) -> !b
  %m = nn.max %x {axes = array<i64: 1>} : (!x) -> !b
  %a = nn.argmax %x : (!x) -> tensor<?xi64, #nn.shape<[B]>>
  return %s, %m, %a : !b, !b, tensor<?xi64, #nn.shape<[B]>>
}

// Along the first axis: rows of the transposed view; the work before the reduction is done on them.
// CHECK-LABEL: func.func @columns
// CHECK: %[[T:.*]] = nn.transpose %arg0 {permutation = array<i64: 1, 0>}
// CHECK: nn.rows(%[[T]]
// CHECK: nn.mul
// CHECK: nn.sum
// CHECK: parallel = #nn.shape<[8]>, row = #nn.shape<[B]>
func.func @columns(%x: !x) -> tensor<8xf32> attributes {nn.dims = ["B"]} {
  %q = nn.mul %x, %x : (!x, !x) -> !x
  %s = nn.sum %q {axes = array<i64: 0>} : (!x) -> tensor<8xf32>
  return %s : tensor<8xf32>
}

// The second reduction depends on the first through a contraction: two kernels. The value that another kernel wants
// repeated is handed out once per row, not as rows.
// CHECK-LABEL: func.func @between
// CHECK: %[[A:.*]] = nn.rows(%arg0
// CHECK: -> tensor<?xf32, #nn.shape<[B]>>
// CHECK: %[[AB:.*]] = nn.broadcast %[[A]]
// CHECK: %[[Y:.*]] = nn.contract %[[AB]]
// CHECK: nn.rows(%[[A]], %[[Y]]
func.func @between(%x: !x, %w: tensor<8x8xf32>) -> !b attributes {nn.dims = ["B"]} {
  %s = nn.sum %x {axes = array<i64: 1>} : (!x) -> !b
  %sb = nn.broadcast %s {axes = array<i64: 0>} : (!b) -> !x
  %y = nn.contract %sb, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %d = nn.mul %y, %sb : (!x, !x) -> !x
  %r = nn.sum %d {axes = array<i64: 1>} : (!x) -> !b
  return %r : !b
}

// All axes: one row, nothing in parallel.
// CHECK-LABEL: func.func @whole
// CHECK: nn.rows(%arg0
// CHECK: nn.divide %{{.*}} : (tensor<f32>, tensor<f32>) -> tensor<f32>
// CHECK: parallel = #nn.shape<[]>, row = #nn.shape<[B, 8]>, row_rank = 2
func.func @whole(%x: !x) -> tensor<f32> attributes {nn.dims = ["B"]} {
  %s = nn.mean %x {axes = array<i64>} : (!x) -> tensor<f32>
  return %s : tensor<f32>
}

// The positions of a row are made in the body.
// CHECK-LABEL: func.func @positions
// CHECK: nn.rows(%arg0
// CHECK: nn.index 1 -> tensor<8xi64>
func.func @positions(%x: tensor<?x8xi64, #nn.shape<[B, 8]>>) -> tensor<?xi64, #nn.shape<[B]>> attributes {nn.dims = ["B"]} {
  %i = nn.iota <0> {axis = 1 : i64} -> tensor<?x8xi64, #nn.shape<[B, 8]>>
  %p = nn.mul %x, %i : (tensor<?x8xi64, #nn.shape<[B, 8]>>, tensor<?x8xi64, #nn.shape<[B, 8]>>) -> tensor<?x8xi64, #nn.shape<[B, 8]>>
  %s = nn.sum %p {axes = array<i64: 1>} : (tensor<?x8xi64, #nn.shape<[B, 8]>>) -> tensor<?xi64, #nn.shape<[B]>>
  return %s : tensor<?xi64, #nn.shape<[B]>>
}

// A mean that a kernel goes on with is not rounded to 16 bits on the way; a conversion that the program asks for is.
// RUN: %nnc-opt %s --decompose --fuse-rows | FileCheck %s --check-prefix=KEEP
// KEEP-LABEL: @centred(
// KEEP: nn.rows
// KEEP: %[[S:.*]] = nn.sum
// KEEP: %[[M:.*]] = nn.divide %[[S]]
// KEEP-NEXT: nn.broadcast %[[M]]
// KEEP-LABEL: @rounded(
// KEEP: nn.rows
// KEEP: nn.cast {{.*}} : (tensor<f32>) -> tensor<bf16>
func.func @centred(%x: tensor<8x32xbf16>) -> tensor<8x32xbf16> attributes {nn.dims = []} {
  %m = nn.mean %x {axes = array<i64: 1>} : (tensor<8x32xbf16>) -> tensor<8xbf16>
  %b = nn.broadcast %m {axes = array<i64: 0>} : (tensor<8xbf16>) -> tensor<8x32xbf16>
  %y = nn.sub %x, %b : (tensor<8x32xbf16>, tensor<8x32xbf16>) -> tensor<8x32xbf16>
  return %y : tensor<8x32xbf16>
}
func.func @rounded(%x: tensor<8x32xf32>) -> tensor<8x32xf32> attributes {nn.dims = []} {
  %s = nn.sum %x {axes = array<i64: 1>} : (tensor<8x32xf32>) -> tensor<8xf32>
  %h = nn.cast %s : (tensor<8xf32>) -> tensor<8xbf16>
  %w = nn.cast %h : (tensor<8xbf16>) -> tensor<8xf32>
  %b = nn.broadcast %w {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<8x32xf32>
  %y = nn.sub %x, %b : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  return %y : tensor<8x32xf32>
}
