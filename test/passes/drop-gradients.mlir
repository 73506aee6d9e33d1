// RUN: %nnc-opt %s --drop-gradients | FileCheck %s

// CHECK-LABEL: func.func @all
// CHECK-NEXT: %[[E:.*]] = nn.exp %arg0
// CHECK-NEXT: %[[S:.*]] = nn.sin %[[E]]
// CHECK-NEXT: %[[C:.*]] = nn.cos %[[S]]
// CHECK-NEXT: return %[[C]]
func.func @all(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.stop_gradient %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.checkpoint {
    %e = nn.exp %0 : (tensor<4xf32>) -> tensor<4xf32>
    %i = nn.custom_gradient(%e : tensor<4xf32>) {
    ^bb0(%a: tensor<4xf32>):
      %s = nn.sin %a : (tensor<4xf32>) -> tensor<4xf32>
      nn.yield %s : tensor<4xf32>
    } pullback {
    ^bb0(%a: tensor<4xf32>, %y: tensor<4xf32>, %dy: tensor<4xf32>):
      nn.yield %dy : tensor<4xf32>
    } -> tensor<4xf32>
    nn.yield %i : tensor<4xf32>
  } -> tensor<4xf32>
  %2 = nn.cos %1 : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
