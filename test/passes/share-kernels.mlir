// RUN: %nnc-opt %s --pass-pipeline='builtin.module(bufferize,workspace,func.func(barriers),share-kernels)' | FileCheck %s

// Kernels that do the same on other places are one function, whatever the functions around them call the sizes. One that
// is alone stays where it is.
// CHECK-LABEL: func.func private @f(
// CHECK: nn.call @kernel.map.0({{.*}}) dims <[N]>
// CHECK: nn.call @kernel.map.0({{.*}}) dims <[N]>
// CHECK: nn.map
// CHECK: nn.tanh
// CHECK-LABEL: func.func private @g(
// CHECK: nn.call @kernel.map.0(%arg0, %arg1, %arg3, {{.*}}) dims <[M]>
// CHECK: func.func private @kernel.map.0(%{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i64, %[[X:.*]]: !nn.ref<[D0] of f32>, %[[Y:.*]]: !nn.ref<[D0] of f32>, %{{.*}}: !llvm.ptr) attributes {nn.dims = ["D0"]
// CHECK-NEXT: nn.map(%[[X]] : !nn.ref<[D0] of f32>) into(%[[Y]] : !nn.ref<[D0] of f32>)
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
func.func private @g(%x: tensor<?xf32, #nn.shape<[M]>>, %y: tensor<?xf32, #nn.shape<[A]>>) -> tensor<?xf32, #nn.shape<[M]>> attributes {nn.dims = ["A", "M"]} {
  %a = nn.map (%x : tensor<?xf32, #nn.shape<[M]>>) {
  ^bb0(%v: f32):
    %e = nn.exp %v : (f32) -> f32
    nn.yield %e : f32
  } -> tensor<?xf32, #nn.shape<[M]>>
  return %a : tensor<?xf32, #nn.shape<[M]>>
}
