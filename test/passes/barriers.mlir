// RUN: %nnc-opt %s --pass-pipeline='builtin.module(bufferize,workspace,func.func(barriers))' | FileCheck %s

// A kernel that reads what another wrote waits; two that read one input do not.
// CHECK-LABEL: func.func private @f(
// CHECK: nn.map
// CHECK-NOT: nn.barrier
// CHECK: nn.map
// CHECK: nn.barrier
// CHECK: nn.map
// CHECK-NOT: nn.barrier
// CHECK: return
func.func private @f(%x: tensor<?xf32, #nn.shape<[B]>>) -> tensor<?xf32, #nn.shape<[B]>> attributes {nn.dims = ["B"]} {
  %a = nn.map (%x : tensor<?xf32, #nn.shape<[B]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?xf32, #nn.shape<[B]>>
  %b = nn.map (%x : tensor<?xf32, #nn.shape<[B]>>) {
  ^bb0(%v: f32):
    %n = nn.neg %v : (f32) -> f32
    nn.yield %n : f32
  } -> tensor<?xf32, #nn.shape<[B]>>
  %c = nn.map (%a, %b : tensor<?xf32, #nn.shape<[B]>>, tensor<?xf32, #nn.shape<[B]>>) {
  ^bb0(%v: f32, %w: f32):
    %s = nn.add %v, %w : (f32, f32) -> f32
    nn.yield %s : f32
  } -> tensor<?xf32, #nn.shape<[B]>>
  return %c : tensor<?xf32, #nn.shape<[B]>>
}
