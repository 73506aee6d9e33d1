// A constant of a kernel's body that is equal to one outside is the body's own.
// RUN: %nnc-opt %s --cse --own-constants | FileCheck %s

// CHECK-LABEL: func @rows
// CHECK: nn.constant 0.0
// CHECK: nn.rows
// CHECK: %[[ZERO:.*]] = nn.constant 0.0
// CHECK: nn.maximum %{{.*}}, %[[ZERO]]
func.func @rows(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %outside = nn.constant 0.0 : f32 -> tensor<8xf32>
  %r = nn.rows(%x : tensor<4x8xf32>) {
  ^bb0(%row: tensor<8xf32>):
    %zero = nn.constant 0.0 : f32 -> tensor<8xf32>
    %m = nn.maximum %row, %zero : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %m : tensor<8xf32>
  } {parallel = #nn.shape<[4]>, row = #nn.shape<[8]>, row_rank = 1 : i64} -> tensor<4x8xf32>
  return %r, %outside : tensor<4x8xf32>, tensor<8xf32>
}
