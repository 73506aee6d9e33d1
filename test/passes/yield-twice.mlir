// RUN: %nnc-opt %s --yield-twice | FileCheck %s

!x = tensor<?x?xf32, #nn.shape<[T, B]>>
!h = tensor<?xf32, #nn.shape<[B]>>

// CHECK-LABEL: func.func @state
// CHECK: %[[M:.*]]:2 = nn.map
// CHECK: nn.yield %[[S:.*]], %[[S]] : f32, f32
// CHECK: nn.yield %[[M]]#0, %[[M]]#1
func.func @state(%x: !x, %h: !h) -> (!x, !h) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over(%x : !x) carrying(%h : !h) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !h, %c: !h):
    %s = nn.map(%xt, %c : !h, !h) {
    ^bb0(%a: f32, %b: f32):
      %t = nn.add %a, %b : (f32, f32) -> f32
      nn.yield %t : f32
    } -> !h
    nn.yield %s, %s : !h, !h
  } -> !x, !h
  return %r#0, %r#1 : !x, !h
}

// An argument has no kernel.
// CHECK-LABEL: func.func @argument
// CHECK: nn.yield %[[X:.*]], %[[X]]
func.func @argument(%x: !x, %h: !h) -> (!x, !h) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over(%x : !x) carrying(%h : !h) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !h, %c: !h):
    nn.yield %xt, %xt : !h, !h
  } -> !x, !h
  return %r#0, %r#1 : !x, !h
}
