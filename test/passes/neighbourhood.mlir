// RUN: %nnc-opt %s --split-input-file --verify-diagnostics --bufferize --commit --workspace --barriers | FileCheck %s
// Indices that a body computes are bounded; a call that may fail leaves its outputs alone. Graphs are seen, not made.

// CHECK-LABEL: func.func @kinds(
// CHECK-SAME: %[[G:[a-z0-9]+]]: !nn.graph<N, N, E>
// CHECK: %[[R:[a-z0-9]+]] = nn.reverse %[[G]]
// CHECK: nn.neighbourhood "sum" over graph(%[[R]] : !nn.graph<N, N, E>)
// CHECK-SAME: into(
// CHECK: %[[K:[0-9]+]] = nn.at
// CHECK: %[[B:[0-9]+]] = nn.bound "an index" %[[K]] below <3>
// CHECK: nn.at %{{.*}}[%[[B]]]
// CHECK: nn.verdict
func.func @kinds(%kind: tensor<?xi64, #nn.shape<[E]>>, %b: tensor<3x8xf32>, %g: !nn.graph<N, N, E>) -> tensor<?x8xf32, #nn.shape<[N, 8]>>
    attributes {nn.dims = ["N", "E"], nn.called_by_runtime, nn.entry = {arguments = [{name = "out", kind = "output"}]}} {
  %r = nn.reverse %g : (!nn.graph<N, N, E>) -> !nn.graph<N, N, E>
  %y = nn.neighbourhood "sum" over graph(%r : !nn.graph<N, N, E>) free <[]> targets <N> sources <N>
      captures(%kind, %b : tensor<?xi64, #nn.shape<[E]>>, tensor<3x8xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %k: tensor<?xi64, #nn.shape<[E]>>, %w: tensor<3x8xf32>):
    %i = nn.at %k[%e] {axes = array<i64: 0>} : tensor<?xi64, #nn.shape<[E]>>[tensor<i64>] -> tensor<i64>
    %x = nn.at %w[%i] {axes = array<i64: 0>} : tensor<3x8xf32>[tensor<i64>] -> tensor<8xf32>
    nn.yield %x : tensor<8xf32>
  } -> tensor<?x8xf32, #nn.shape<[N, 8]>>
  return %y : tensor<?x8xf32, #nn.shape<[N, 8]>>
}

// -----

func.func @shape(%x: tensor<?x8xf32, #nn.shape<[N, 8]>>, %g: !nn.graph<N, N, E>) -> tensor<?x8xf32, #nn.shape<[E, 8]>>
    attributes {nn.dims = ["N", "E"]} {
  // expected-error @+1 {{the result must have the shape [N, 8]}}
  %y = nn.neighbourhood "max" over graph(%g : !nn.graph<N, N, E>) free <[]> targets <N> sources <N>
      captures(%x : tensor<?x8xf32, #nn.shape<[N, 8]>>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %a: tensor<?x8xf32, #nn.shape<[N, 8]>>):
    %r = nn.at %a[%u] {axes = array<i64: 0>} : tensor<?x8xf32, #nn.shape<[N, 8]>>[tensor<i64>] -> tensor<8xf32>
    nn.yield %r : tensor<8xf32>
  } -> tensor<?x8xf32, #nn.shape<[E, 8]>>
  return %y : tensor<?x8xf32, #nn.shape<[E, 8]>>
}

// -----

func.func @ends(%g: !nn.graph<S, D, E>) -> (tensor<?xi32, #nn.shape<[E]>>, tensor<?xi64, #nn.shape<[D]>>)
    attributes {nn.dims = ["S", "D", "E"]} {
  // expected-error @+1 {{gives one integer (i32 or i64) for each edge}}
  %s, %t = nn.endpoints %g : !nn.graph<S, D, E> -> tensor<?xi32, #nn.shape<[E]>>, tensor<?xi64, #nn.shape<[D]>>
  return %s, %t : tensor<?xi32, #nn.shape<[E]>>, tensor<?xi64, #nn.shape<[D]>>
}
