// RUN: %nnc-opt %s --select-lengths | FileCheck %s

!x = tensor<?x?x4xf32, #nn.shape<[T, B, 4]>>
!h = tensor<?x4xf32, #nn.shape<[B, 4]>>
!n = tensor<?xi64, #nn.shape<[B]>>

// The lengths are checked before the loop; a row that has ended keeps its carry and yields 0.
// CHECK-LABEL: func.func @rows
// CHECK: nn.check "a length" %arg2 below <T + 1>
// CHECK: nn.scan {{.*}}until(%arg2
// CHECK: ^bb0(%[[STEP:.*]]: tensor<i64>, %[[X:[^:]*]]: {{.*}}, %[[H:[^:]*]]: tensor
// CHECK: %[[SUM:.*]] = nn.add %[[H]], %[[X]]
// CHECK: %[[S:.*]] = nn.broadcast %[[STEP]] {axes = array<i64>}
// CHECK: %[[L:.*]] = nn.broadcast %arg2 {axes = array<i64: 0>}
// CHECK: %[[RUNS:.*]] = nn.lt %[[S]], %[[L]]
// CHECK: %[[ZERO:.*]] = nn.constant 0.0
// CHECK: %[[Y:.*]] = nn.where %[[RUNS]], %[[X]], %[[ZERO]]
// CHECK: %[[NEXT:.*]] = nn.where %{{.*}}, %[[SUM]], %[[H]]
// CHECK: nn.yield %[[Y]], %[[NEXT]]
func.func @rows(%x: !x, %h: !h, %n: !n) -> (!x, !h) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over(%x : !x) carrying(%h : !h) until(%n : !n) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !h, %c: !h):
    %s = nn.add %c, %xt : (!h, !h) -> !h
    nn.yield %xt, %s : !h, !h
  } -> !x, !h
  return %r#0, %r#1 : !x, !h
}

// Without lengths nothing happens.
// CHECK-LABEL: func.func @all
// CHECK-NOT: nn.check
// CHECK-NOT: nn.where
func.func @all(%x: !x, %h: !h) -> !h attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over(%x : !x) carrying(%h : !h) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !h, %c: !h):
    %s = nn.add %c, %xt : (!h, !h) -> !h
    nn.yield %s : !h
  } -> !h
  return %r : !h
}
