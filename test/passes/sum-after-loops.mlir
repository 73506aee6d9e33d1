// What a loop only adds up is added up behind it, in one product or sum; so are products that it only yields.
// RUN: %nnc-opt %s --sum-after-loops --split-input-file | FileCheck %s

// The gradient of a weight: the factors are stacked, steps and rows are summed together.
// CHECK-LABEL: func @weight
// CHECK: %[[L:.*]]:2 = nn.scan over() carrying(%{{[a-z0-9]*}} :
// CHECK: %[[G:.*]] = nn.tanh
// CHECK-NOT: nn.contract
// CHECK: nn.yield %[[G]], %[[G]]
// CHECK: nn.contract %{{.*}}, %[[L]]#0 {
// CHECK-NEXT: } {batch = 0 : i64, k = 2 : i64, m = 1 : i64, n = 1 : i64}
!xs = tensor<?x?x3xf32, #nn.shape<[T, B, 3]>>
!x = tensor<?x3xf32, #nn.shape<[B, 3]>>
!xt = tensor<3x?xf32, #nn.shape<[3, B]>>
!h = tensor<?x5xf32, #nn.shape<[B, 5]>>
!w = tensor<3x5xf32>
func.func @weight(%xs: !xs, %h: !h, %zero: !w) -> (!h, !w) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over(%xs : !xs) carrying(%h, %zero : !h, !w) steps <T> {
  ^bb0(%t: tensor<i64>, %x: !x, %c: !h, %sum: !w):
    %g = nn.tanh %c : (!h) -> !h
    %turned = nn.transpose %x {permutation = array<i64: 1, 0>} : (!x) -> !xt
    %d = nn.contract %turned, %g {
    } {batch = 0 : i64, k = 1 : i64, m = 1 : i64, n = 1 : i64} : !xt, !h -> !w
    %s = nn.add %sum, %d : (!w, !w) -> !w
    nn.yield %g, %s : !h, !w
  } -> !h, !w
  return %r#0, %r#1 : !h, !w
}

// -----
// The gradient of a bias; of reductions the last axes are summed.
// CHECK-LABEL: func @bias
// CHECK: %[[L:.*]]:2 = nn.scan over
// CHECK-NOT: nn.sum
// CHECK: nn.yield
// CHECK: %[[V:.*]] = nn.transpose %[[L]]#0 {permutation = array<i64: 1, 0, 2>}
// CHECK: nn.sum %[[V]] {axes = array<i64: 1, 2>}
!v = tensor<5x?xf32, #nn.shape<[5, B]>>
func.func @bias(%h: !v, %zero: tensor<5xf32>) -> (!v, tensor<5xf32>) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over() carrying(%h, %zero : !v, tensor<5xf32>) steps <T> {
  ^bb0(%t: tensor<i64>, %c: !v, %sum: tensor<5xf32>):
    %g = nn.tanh %c : (!v) -> !v
    %d = nn.sum %g {axes = array<i64: 1>} : (!v) -> tensor<5xf32>
    %s = nn.add %d, %sum : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
    nn.yield %g, %s : !v, tensor<5xf32>
  } -> !v, tensor<5xf32>
  return %r#0, %r#1 : !v, tensor<5xf32>
}

// -----
// What is carried and looked at on the way stays; a product that is yielded alone leaves with what follows it.
// CHECK-LABEL: func @tail
// CHECK: nn.scan over
// CHECK: nn.add
// CHECK-NOT: nn.contract
// CHECK: nn.yield
// CHECK: %[[ALL:.*]] = nn.contract
// CHECK-NEXT: } {batch = 0 : i64, k = 1 : i64, m = 2 : i64, n = 1 : i64}
// CHECK: nn.exp %[[ALL]]
!row = tensor<?x4xf32, #nn.shape<[B, 4]>>
!rows = tensor<?x?x4xf32, #nn.shape<[T, B, 4]>>
func.func @tail(%h: !row, %w: tensor<4x4xf32>) -> (!rows, !row) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over() carrying(%h : !row) steps <T> {
  ^bb0(%t: tensor<i64>, %c: !row):
    %n = nn.add %c, %c : (!row, !row) -> !row
    %y = nn.contract %n, %w {
    } {batch = 0 : i64, k = 1 : i64, m = 1 : i64, n = 1 : i64} : !row, tensor<4x4xf32> -> !row
    %e = nn.exp %y : (!row) -> !row
    nn.yield %e, %n : !row, !row
  } -> !rows, !row
  return %r#0, %r#1 : !rows, !row
}
