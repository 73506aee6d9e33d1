// RUN: %nnc-opt %s --pass-pipeline='builtin.module(bufferize,workspace,func.func(barriers),share-kernels)' | FileCheck %s

// Two kernels that do the same on other places are one function. One that is alone stays where it is.
// CHECK-LABEL: func.func private @f(
// CHECK: nn.call @kernel.map.0({{.*}}) dims <[N]>
// CHECK: nn.call @kernel.map.0({{.*}}) dims <[N]>
// CHECK: nn.map
// CHECK: nn.tanh
// CHECK: func.func private @kernel.map.0(%{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i64, %[[X:.*]]: !nn.ref<[N] of f32>, %[[Y:.*]]: !nn.ref<[N] of f32>, %{{.*}}: !llvm.ptr) attributes {nn.dims = ["N"]
// CHECK-NEXT: nn.map(%[[X]] : !nn.ref<[N] of f32>) into(%[[Y]] : !nn.ref<[N] of f32>)
// CHECK: nn.exp
// CHECK-NOT: @kernel
func.func private @f(%x: tensor<?xf32, #nn.shape<[N]>>) -> tensor<?xf32, #nn.shape<[N]>> attributes {nn.dims = ["N"]} {
  %a = nn.map (%x : tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32):
    %e = nn.exp %v : (f32) -> f32
    nn.yield %e : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  %b = nn.map (%a : tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32):
    %e = nn.exp %v : (f32) -> f32
    nn.yield %e : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  %c = nn.map (%b : tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32):
    %e = nn.tanh %v : (f32) -> f32
    nn.yield %e : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  return %c : tensor<?xf32, #nn.shape<[N]>>
}
