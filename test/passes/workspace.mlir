// RUN: %nnc-opt %s --bufferize --workspace --split-input-file | FileCheck %s

// Four values in a row, two places: a value dies when the next but one is made.
// CHECK-LABEL: func.func private @chain.frame
// CHECK-COUNT-2: nn.extent <512 * B>
// CHECK-NOT: nn.extent
// CHECK-LABEL: func.func private @chain(
// CHECK-DAG: %[[ZERO:[a-z0-9_]+]] = arith.constant 0
// CHECK-COUNT-2: nn.slot %{{.*}}[%[[ZERO]]]
// CHECK: %[[NEXT:[a-z0-9_]+]] = arith.addi
// CHECK: nn.slot %{{.*}}[%[[NEXT]]]
// CHECK-NOT: nn.alloc
func.func private @chain(%x: tensor<?x128xf32, #nn.shape<[B, 128]>>) -> tensor<?x128xf32, #nn.shape<[B, 128]>>
    attributes {nn.dims = ["B"]} {
  %a = nn.map (%x : tensor<?x128xf32, #nn.shape<[B, 128]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?x128xf32, #nn.shape<[B, 128]>>
  %b = nn.map (%a : tensor<?x128xf32, #nn.shape<[B, 128]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?x128xf32, #nn.shape<[B, 128]>>
  %c = nn.map (%b : tensor<?x128xf32, #nn.shape<[B, 128]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?x128xf32, #nn.shape<[B, 128]>>
  %d = nn.map (%c : tensor<?x128xf32, #nn.shape<[B, 128]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?x128xf32, #nn.shape<[B, 128]>>
  return %d : tensor<?x128xf32, #nn.shape<[B, 128]>>
}

// -----

// A caller's frame holds its own places, then the largest frame that it calls, in the callee's sizes.
func.func private @inner(%x: tensor<?xf32, #nn.shape<[N]>>) -> tensor<?xf32, #nn.shape<[N]>> attributes {nn.dims = ["N"]} {
  %a = nn.map (%x : tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  %b = nn.map (%a : tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  return %b : tensor<?xf32, #nn.shape<[N]>>
}
// CHECK-LABEL: func.func private @outer.frame
// CHECK: nn.extent <2 * B>
// CHECK: call @inner.frame
// CHECK: arith.maxsi
// CHECK-LABEL: func.func private @outer(
// CHECK: %[[REST:[a-z0-9_]+]] = llvm.getelementptr
// CHECK: nn.call @inner({{.*}}, %[[REST]]) dims <[2 * B]>
func.func private @outer(%x: tensor<?xf32, #nn.shape<[2 * B]>>) -> tensor<?xf32, #nn.shape<[2 * B]>> attributes {nn.dims = ["B"]} {
  %y = nn.call @inner(%x) dims <[2 * B]> : (tensor<?xf32, #nn.shape<[2 * B]>>) -> tensor<?xf32, #nn.shape<[2 * B]>>
  return %y : tensor<?xf32, #nn.shape<[2 * B]>>
}
