// Gradients become operations: what is used twice gets the sum, what is not asked for is not computed.
// RUN: %nnc-opt %s --differentiate --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @product
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[W:.*]]: tensor<4xf32>
// CHECK: %[[Y:.*]] = nn.mul %[[X]], %[[W]]
// CHECK: %[[G:.*]] = nn.broadcast
// CHECK-NOT: nn.mul %[[G]], %[[X]]
// CHECK: %[[D:.*]] = nn.mul %[[G]], %[[W]]
// CHECK: return %[[D]]
func.func @product(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  %y = nn.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = nn.sum %y {axes = array<i64>} : (tensor<4xf32>) -> tensor<f32>
  %g = nn.grad %e by (%x : tensor<4xf32>) : tensor<f32> -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----
// Cheap work is done again; a fence keeps it apart from the first time.
// CHECK-LABEL: func @twice
// CHECK: nn.exp
// CHECK: %[[X:.*]] = nn.fence
// CHECK: %[[E:.*]] = nn.exp %[[X]]
// CHECK: %[[G:.*]] = nn.broadcast
// CHECK: %[[SUM:.*]] = nn.add %[[G]], %[[G]]
// CHECK: nn.mul %[[SUM]], %[[E]]
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = nn.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %z = nn.add %y, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = nn.sum %z {axes = array<i64>} : (tensor<4xf32>) -> tensor<f32>
  %g = nn.grad %e by (%x : tensor<4xf32>) : tensor<f32> -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----
// CHECK-LABEL: func @behind_a_stop
// CHECK: nn.stop_gradient
// CHECK-NOT: nn.mul
// CHECK: %[[ZERO:.*]] = nn.constant 0.0
// CHECK: return %[[ZERO]]
func.func @behind_a_stop(%x: tensor<f32>) -> tensor<f32> {
  %s = nn.stop_gradient %x : (tensor<f32>) -> tensor<f32>
  %e = nn.exp %s : (tensor<f32>) -> tensor<f32>
  %g = nn.grad %e by (%x : tensor<f32>) : tensor<f32> -> tensor<f32>
  return %g : tensor<f32>
}

// -----
func.func @without_a_rule(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{NN0901: the derivative of `copy` can not be compiled yet}}
  %y = nn.copy %x : tensor<4xf32> -> tensor<4xf32>
  %e = nn.sum %y {axes = array<i64>} : (tensor<4xf32>) -> tensor<f32>
  %g = nn.grad %e by (%x : tensor<4xf32>) : tensor<f32> -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----
// No derivative is asked for what does not lead to x.
// CHECK-LABEL: func @beside
func.func @beside(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  %c = nn.copy %w : tensor<4xf32> -> tensor<4xf32>
  %y = nn.mul %x, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = nn.sum %y {axes = array<i64>} : (tensor<4xf32>) -> tensor<f32>
  %g = nn.grad %e by (%x : tensor<4xf32>) : tensor<f32> -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----
// A layer that stays a function has a way forward, which saves what the way back needs, and one back. What the way
// forward gives anyhow is not saved, and cheap work is done again.
// CHECK-LABEL: func @user
// CHECK: %[[F:.*]]:2 = nn.call @layer.forward(%{{.*}}) dims <[B]>
// CHECK: nn.call @layer.backward(%{{.*}}, %[[F]]#1, %[[F]]#0, %{{.*}}) dims <[B]>
// CHECK-LABEL: func private @layer.forward
// CHECK: %[[S:.*]] = nn.softmax
// CHECK: %[[Y:.*]] = nn.softmax
// CHECK: return %[[Y]], %[[S]]
!b = tensor<?xf32, #nn.shape<[B]>>
!d = tensor<?xf32, #nn.shape<[D]>>
func.func @user(%x: !b) -> !b attributes {nn.dims = ["B"]} {
  %y = nn.call @layer(%x) dims <[B]> : (!b) -> !b
  %e = nn.sum %y {axes = array<i64>} : (!b) -> tensor<f32>
  %g = nn.grad %e by (%x : !b) : tensor<f32> -> !b
  return %g : !b
}
// CHECK-LABEL: func private @layer.backward
// CHECK-SAME: %[[X:.*]]: {{.*}}, %[[S:.*]]: {{.*}}, %[[Y:.*]]: {{.*}}, %[[G:.*]]: {{.*}})
// CHECK: nn.exp %[[X]]
func.func private @layer(%x: !d) -> !d attributes {nn.dims = ["D"]} {
  %e = nn.exp %x : (!d) -> !d
  %s = nn.softmax %e {axis = -1 : i64} : (!d) -> !d
  %t = nn.mul %s, %e : (!d, !d) -> !d
  %y = nn.softmax %t {axis = -1 : i64} : (!d) -> !d
  return %y : !d
}

// -----
// A loop back from the last step; what the state was before each step is stacked, the weight's gradient is summed.
// CHECK-LABEL: func @loop
// CHECK: %[[L:.*]]:2 = nn.scan over
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}, %[[H:.*]]: tensor<4xf32>):
// CHECK: %[[NEXT:.*]] = nn.tanh
// CHECK: nn.yield %[[H]], %[[NEXT]]
// CHECK: nn.scan over(%{{.*}}, %[[L]]#0
// CHECK: reversed = true
!s = tensor<?x4xf32, #nn.shape<[T, 4]>>
func.func @loop(%x: !s, %h: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> attributes {nn.dims = ["T"]} {
  %last = nn.scan over(%x : !s) carrying(%h : tensor<4xf32>) steps <T> {
  ^bb0(%t: tensor<i64>, %xt: tensor<4xf32>, %c: tensor<4xf32>):
    %p = nn.mul %c, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %s = nn.add %p, %xt : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %n = nn.tanh %s : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %n : tensor<4xf32>
  } -> tensor<4xf32>
  %e = nn.sum %last {axes = array<i64>} : (tensor<4xf32>) -> tensor<f32>
  %g = nn.grad %e by (%w : tensor<4xf32>) : tensor<f32> -> tensor<4xf32>
  return %g : tensor<4xf32>
}
