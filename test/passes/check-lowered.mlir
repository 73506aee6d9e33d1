// RUN: %nnc-opt %s --check-lowered --split-input-file --verify-diagnostics

func.func @refused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{NN0901: `orthogonal` can not be compiled yet}}
  %0 = nn.orthogonal {place = 0 : i64} -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Bodies of kernels hold what kernels can do; bodies of loops do not.
func.func @inside(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.map(%x : tensor<4xf32>) {
  ^bb0(%a: f32):
    %e = nn.exp %a : (f32) -> f32
    nn.yield %e : f32
  } -> tensor<4xf32>
  %r = nn.scan over() carrying(%0 : tensor<4xf32>) steps <3> {
  ^bb0(%i: tensor<i64>, %h: tensor<4xf32>):
    // expected-error@below {{NN0901: `exp` can not be compiled yet}}
    %n = nn.exp %h : (tensor<4xf32>) -> tensor<4xf32>
    nn.yield %n : tensor<4xf32>
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}
