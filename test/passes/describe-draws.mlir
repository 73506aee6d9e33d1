// RUN: %nnc-opt %s --describe-draws | FileCheck %s

// A first value that is one scaled draw, or a number, is data; what is computed stays a function.
// CHECK-NOT: @m.init.weight
// CHECK: nn.storage "weight"
// CHECK-SAME: draw = {distribution = "uniform", place = 7 : i64, scale = 5.000000e-01 : f64, shift = -2.500000e-01 : f64}
// CHECK-NOT: initialiser
// CHECK-NOT: @m.init.bias
// CHECK: nn.storage "bias"
// CHECK-SAME: draw = {distribution = "constant", place = 0 : i64, scale = 0.000000e+00 : f64, shift = 3.000000e+00 : f64}
// CHECK-NOT: @m.init.stack
// CHECK: nn.storage "h.#.w"
// CHECK-SAME: draw = {distribution = "trunc_normal", high = 2.000000e+00 : f64, low = -2.000000e+00 : f64, place = 9 : i64, scale = 5.000000e-01 : f64, shift = 1.000000e+00 : f64}
// CHECK: func.func @m.init.sum
// CHECK: nn.storage "sum"
// CHECK-SAME: initialiser = @m.init.sum
nn.model "M" {c_name = "m", doc = ""}
func.func @m.init.weight() -> tensor<4x4xf32> attributes {nn.dims = []} {
  %0 = nn.uniform {place = 7 : i64} -> tensor<4x4xf32>
  %1 = nn.constant 5.000000e-01 : f32 -> tensor<4x4xf32>
  %2 = nn.mul %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = nn.constant -2.500000e-01 : f32 -> tensor<4x4xf32>
  %4 = nn.add %2, %3 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}
nn.storage "weight" of "M" : tensor<4x4xf32> {doc = "", initialiser = @m.init.weight, is_buffer = false}
func.func @m.init.bias() -> tensor<4xi64> attributes {nn.dims = []} {
  %0 = nn.constant 3 : i64 -> tensor<4xi64>
  return %0 : tensor<4xi64>
}
nn.storage "bias" of "M" : tensor<4xi64> {doc = "", initialiser = @m.init.bias, is_buffer = true}
// Mean and deviation of the truncated draw become part of scale and shift, the bounds with them.
func.func @m.init.stack() -> tensor<3x4xbf16> attributes {nn.dims = []} {
  %0 = nn.scan over() carrying() steps <3> {
  ^bb0(%step: tensor<i64>):
    %1 = nn.trunc_normal %step : tensor<i64> {place = 9 : i64, mean = 1.0 : f64, std = 0.5 : f64, low = 0.0 : f64, high = 2.0 : f64} -> tensor<4xf32>
    %2 = nn.cast %1 : (tensor<4xf32>) -> tensor<4xbf16>
    nn.yield %2 : tensor<4xbf16>
  } -> tensor<3x4xbf16>
  return %0 : tensor<3x4xbf16>
}
nn.storage "h.#.w" of "M" : tensor<3x4xbf16> {doc = "", initialiser = @m.init.stack, is_buffer = false, repeats = array<i64: 0, 3>}
func.func @m.init.sum() -> tensor<4xf32> attributes {nn.dims = []} {
  %0 = nn.uniform {place = 1 : i64} -> tensor<4xf32>
  %1 = nn.uniform {place = 2 : i64} -> tensor<4xf32>
  %2 = nn.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
nn.storage "sum" of "M" : tensor<4xf32> {doc = "", initialiser = @m.init.sum, is_buffer = false}
