// What is stored under a condition: the new value or the old one is selected where the new one is made, and stored always.
// RUN: %nnc-opt %s --select-stores --split-input-file | FileCheck %s

// CHECK-LABEL: func @step
// CHECK: %[[GOOD:.*]] = nn.isfinite
// CHECK: %[[NEW:.*]] = nn.sub
// CHECK-NEXT: %[[ALL:.*]] = nn.broadcast %[[GOOD]] {{.*}} -> tensor<4xi1>
// CHECK-NEXT: %[[W:.*]] = nn.where %[[ALL]], %[[NEW]], %{{.*}} -> tensor<4xf32>
// CHECK-NEXT: nn.numeric
// CHECK-NEXT: nn.store %[[W]], "w" : tensor<4xf32>
func.func @step(%g: tensor<4xf32>, %loss: tensor<f32>) {
  %w = nn.parameter "w" : tensor<4xf32>
  %good = nn.isfinite %loss : (tensor<f32>) -> tensor<i1>
  %new = nn.sub %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  nn.numeric %good : tensor<i1>
  nn.store %new, "w" when %good : tensor<i1> : tensor<4xf32>
  return
}

// -----
// A scalar, made before the condition is known; what has no old value in the function.
// CHECK-LABEL: func @before
// CHECK: %[[OLD:.*]] = nn.parameter "s" : tensor<f32>
// CHECK: %[[NEW:.*]] = nn.exp
// CHECK: %[[GOOD:.*]] = nn.isfinite
// CHECK-NEXT: %[[S:.*]] = nn.where %[[GOOD]], %[[NEW]], %[[OLD]]
// CHECK-NEXT: nn.store %[[S]], "s" : tensor<f32>
// CHECK: nn.store %{{.*}}, "always" : tensor<f32>
func.func @before(%x: tensor<f32>) {
  %new = nn.exp %x : (tensor<f32>) -> tensor<f32>
  %good = nn.isfinite %x : (tensor<f32>) -> tensor<i1>
  nn.store %new, "s" when %good : tensor<i1> : tensor<f32>
  nn.store %x, "always" : tensor<f32>
  return
}
