// RUN: %nnc-opt %s --pack=cpu=x86-64-v3 --split-input-file | FileCheck %s

// A parameter is packed by a function of its own, through the views between it and the contraction.
// CHECK-LABEL: func.func @parameter
// CHECK: %[[P:[a-z0-9_]+]] = nn.packed @[[PACK:.*]] : tensor<4x32x16xf32>
// CHECK-NOT: nn.parameter
// CHECK: nn.contract %{{.*}}, %[[P]]
// CHECK: panel = 16
// CHECK: func.func private @[[PACK]]() -> tensor<4x32x16xf32>
// CHECK-SAME: nn.pack_of = ["w"]
// CHECK: %[[W:[a-z0-9_]+]] = nn.parameter "w"
// CHECK: %[[T:[a-z0-9_]+]] = nn.transpose %[[W]]
// CHECK: nn.pack %[[T]]
func.func @parameter(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>) -> tensor<?x64xf32, #nn.shape<[B, 64]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "w" : tensor<64x32xf32>
  %t = nn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<64x32xf32>) -> tensor<32x64xf32>
  %y = nn.contract %x, %t {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x64xf32> -> tensor<?x64xf32, #nn.shape<[B, 64]>>
  return %y : tensor<?x64xf32, #nn.shape<[B, 64]>>
}

// -----

// A value of the call is packed on the spot.
// CHECK-LABEL: func.func @value
// CHECK: %[[P:[a-z0-9_]+]] = nn.pack %arg1
// CHECK: nn.contract %arg0, %[[P]]
func.func @value(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>, %y: tensor<32x?xf32, #nn.shape<[32, N]>>)
    -> tensor<?x?xf32, #nn.shape<[B, N]>> attributes {nn.dims = ["B", "N"], nn.model = "M", nn.called_by_runtime} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x?xf32, #nn.shape<[32, N]>> -> tensor<?x?xf32, #nn.shape<[B, N]>>
  return %z : tensor<?x?xf32, #nn.shape<[B, N]>>
}

// -----

// A layer's function takes the packed copy from its callers.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: %arg2: tensor<2x32x16xf32>
// CHECK: nn.contract %arg0, %arg2
func.func private @layer(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>, %w: tensor<32x32xf32>)
    -> tensor<?x32xf32, #nn.shape<[B, 32]>> attributes {nn.dims = ["B"]} {
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x32xf32> -> tensor<?x32xf32, #nn.shape<[B, 32]>>
  return %y : tensor<?x32xf32, #nn.shape<[B, 32]>>
}
// CHECK-LABEL: func.func @caller
// CHECK: %[[P:[a-z0-9_]+]] = nn.packed
// CHECK: nn.call @layer(%arg0, %{{.*}}, %[[P]])
func.func @caller(%x: tensor<?x32xf32, #nn.shape<[N, 32]>>) -> tensor<?x32xf32, #nn.shape<[N, 32]>>
    attributes {nn.dims = ["N"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "w" : tensor<32x32xf32>
  %y = nn.call @layer(%x, %w) dims <[N]> : (tensor<?x32xf32, #nn.shape<[N, 32]>>, tensor<32x32xf32>) -> tensor<?x32xf32, #nn.shape<[N, 32]>>
  return %y : tensor<?x32xf32, #nn.shape<[N, 32]>>
}

// -----

// The stacked parameter of a loop is packed whole; the body reads a slice of the packed copies.
// CHECK-LABEL: func.func @loop
// CHECK: %[[P:[a-z0-9_]+]] = nn.packed @{{.*}} : tensor<3x2x32x16xf32>
// CHECK: nn.scan over(%{{.*}}, %[[P]]
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<32x32xf32>, %[[SLICE:[a-z0-9_]+]]: tensor<2x32x16xf32>, %[[H:[a-z0-9_]+]]:
// CHECK: nn.contract %[[H]], %[[SLICE]]
func.func @loop(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>) -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "h.#.w" : tensor<3x32x32xf32>
  %r = nn.scan over(%w : tensor<3x32x32xf32>) carrying(%x : tensor<?x32xf32, #nn.shape<[B, 32]>>) steps <3> {
  ^bb0(%i: tensor<i64>, %wi: tensor<32x32xf32>, %h: tensor<?x32xf32, #nn.shape<[B, 32]>>):
    %t = nn.transpose %wi {permutation = array<i64: 1, 0>} : (tensor<32x32xf32>) -> tensor<32x32xf32>
    %y = nn.contract %h, %t {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
      : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x32xf32> -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    nn.yield %y : tensor<?x32xf32, #nn.shape<[B, 32]>>
  } -> tensor<?x32xf32, #nn.shape<[B, 32]>>
  return %r : tensor<?x32xf32, #nn.shape<[B, 32]>>
}

// -----

// An entry that writes the parameter packs it on every call: once for all that read it in one way, before the first of them
// or the loop that it stands in; a copy from before would be old.
// CHECK-LABEL: func.func @step
// CHECK-NOT: nn.packed
// CHECK: %[[W:[a-z0-9_]+]] = nn.parameter "w"
// CHECK-NOT: nn.scan
// CHECK: %[[T:[a-z0-9_]+]] = nn.transpose %[[W]]
// CHECK-NEXT: %[[P:[a-z0-9_]+]] = nn.pack %[[T]]
// CHECK: nn.scan
// CHECK: nn.contract %{{[a-z0-9_]+}}, %[[P]]
// CHECK: nn.contract %{{[a-z0-9_]+}}, %[[P]]
// CHECK-NOT: nn.pack_of
func.func @step(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>, %new: tensor<32x32xf32>) -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "w" : tensor<32x32xf32>
  %t = nn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %r = nn.scan over() carrying(%x : tensor<?x32xf32, #nn.shape<[B, 32]>>) steps <3> {
  ^bb0(%i: tensor<i64>, %h: tensor<?x32xf32, #nn.shape<[B, 32]>>):
    %y = nn.contract %h, %t {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
      : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x32xf32> -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    nn.yield %y : tensor<?x32xf32, #nn.shape<[B, 32]>>
  } -> tensor<?x32xf32, #nn.shape<[B, 32]>>
  %z = nn.contract %r, %t {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x32xf32> -> tensor<?x32xf32, #nn.shape<[B, 32]>>
  nn.store %new, "w" : tensor<32x32xf32>
  return %z : tensor<?x32xf32, #nn.shape<[B, 32]>>
}

// -----

// The copies of a layer in a loop are packed one after the other.
// CHECK-LABEL: func.func @stepOfLayers
// CHECK-NOT: nn.pack
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %[[WI:[a-z0-9_]+]]: tensor<32x32xf32>,
// CHECK: %[[P:[a-z0-9_]+]] = nn.pack %[[WI]]
// CHECK: nn.contract %{{[a-z0-9_]+}}, %[[P]]
func.func @stepOfLayers(%x: tensor<?x32xf32, #nn.shape<[B, 32]>>, %new: tensor<3x32x32xf32>) -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "h.#.w" : tensor<3x32x32xf32>
  %r = nn.scan over(%w : tensor<3x32x32xf32>) carrying(%x : tensor<?x32xf32, #nn.shape<[B, 32]>>) steps <3> {
  ^bb0(%i: tensor<i64>, %wi: tensor<32x32xf32>, %h: tensor<?x32xf32, #nn.shape<[B, 32]>>):
    %y = nn.contract %h, %wi {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
      : tensor<?x32xf32, #nn.shape<[B, 32]>>, tensor<32x32xf32> -> tensor<?x32xf32, #nn.shape<[B, 32]>>
    nn.yield %y : tensor<?x32xf32, #nn.shape<[B, 32]>>
  } -> tensor<?x32xf32, #nn.shape<[B, 32]>>
  nn.store %new, "h.#.w" : tensor<3x32x32xf32>
  return %r : tensor<?x32xf32, #nn.shape<[B, 32]>>
}

// -----

// Several axes are one to the kernel, none is one of size 1.
// CHECK-LABEL: func.func @axes
// CHECK: nn.contract
// CHECK: k = 1 : i64, m = 1 : i64, n = 1 : i64
// CHECK-SAME: -> tensor<?x1xf32, #nn.shape<[B, 1]>>
// CHECK: nn.reshape %{{.*}} : (tensor<?x1xf32, #nn.shape<[B, 1]>>) -> tensor<?xf32, #nn.shape<[B]>>
func.func @axes(%x: tensor<?x4x8xf32, #nn.shape<[B, 4, 8]>>, %y: tensor<4x8xf32>) -> tensor<?xf32, #nn.shape<[B]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 0 : i64, k = 2 : i64}
    : tensor<?x4x8xf32, #nn.shape<[B, 4, 8]>>, tensor<4x8xf32> -> tensor<?xf32, #nn.shape<[B]>>
  return %z : tensor<?xf32, #nn.shape<[B]>>
}

// -----

// Parameters that are joined are packed as one; a join that no contraction reads is made at load as it is.
// CHECK-LABEL: func.func @joined
// CHECK-DAG: %[[W:[a-z0-9_]+]] = nn.packed @[[PACK:.*]] : tensor<1x8x16xf32>
// CHECK-DAG: %[[B:[a-z0-9_]+]] = nn.packed @[[BIAS:.*]] : tensor<10xf32>
// CHECK-NOT: nn.concat
// CHECK-DAG: nn.contract %{{.*}}, %[[W]]
// CHECK-DAG: nn.broadcast %[[B]]
// CHECK-DAG: func.func private @[[PACK]]() -> tensor<1x8x16xf32> {{.*}}nn.pack_of = ["q", "k"]
// CHECK-DAG: func.func private @[[BIAS]]() -> tensor<10xf32> {{.*}}nn.pack_of = ["b", "c"]
func.func @joined(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> (tensor<?x10xf32, #nn.shape<[B, 10]>>, tensor<?x10xf32, #nn.shape<[B, 10]>>)
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %q = nn.parameter "q" : tensor<6x8xf32>
  %k = nn.parameter "k" : tensor<4x8xf32>
  %b = nn.parameter "b" : tensor<6xf32>
  %c = nn.parameter "c" : tensor<4xf32>
  %qt = nn.transpose %q {permutation = array<i64: 1, 0>} : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %kt = nn.transpose %k {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %w = nn.concat %qt, %kt {axis = 1 : i64} : (tensor<8x6xf32>, tensor<8x4xf32>) -> tensor<8x10xf32>
  %bias = nn.concat %b, %c {axis = 0 : i64} : (tensor<6xf32>, tensor<4xf32>) -> tensor<10xf32>
  %y = nn.contract %x, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<?x8xf32, #nn.shape<[B, 8]>>, tensor<8x10xf32> -> tensor<?x10xf32, #nn.shape<[B, 10]>>
  %v = nn.broadcast %bias {axes = array<i64: 1>} : (tensor<10xf32>) -> tensor<?x10xf32, #nn.shape<[B, 10]>>
  return %y, %v : tensor<?x10xf32, #nn.shape<[B, 10]>>, tensor<?x10xf32, #nn.shape<[B, 10]>>
}

// -----

// The same in a loop: joined and packed before it, once for all steps.
// CHECK-LABEL: func.func @joinedInLoop
// CHECK: %[[P:[a-z0-9_]+]] = nn.packed @{{.*}} : tensor<3x1x8x8xf32>
// CHECK: nn.scan over({{.*}}%[[P]] :
// CHECK-NOT: nn.concat
// CHECK: nn.yield
// CHECK: nn.concat %{{.*}}, %{{.*}} {axis = 2 : i64}
// CHECK: nn.pack
func.func @joinedInLoop(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x8xf32, #nn.shape<[B, 8]>>
    attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %v = nn.parameter "#.v" : tensor<3x8x6xf32>
  %w = nn.parameter "#.w" : tensor<3x8x2xf32>
  %r = nn.scan over(%v, %w : tensor<3x8x6xf32>, tensor<3x8x2xf32>) carrying(%x : tensor<?x8xf32, #nn.shape<[B, 8]>>) steps <3> {
  ^bb0(%i: tensor<i64>, %vi: tensor<8x6xf32>, %wi: tensor<8x2xf32>, %h: tensor<?x8xf32, #nn.shape<[B, 8]>>):
    %a = nn.concat %vi, %wi {axis = 1 : i64} : (tensor<8x6xf32>, tensor<8x2xf32>) -> tensor<8x8xf32>
    %y = nn.contract %h, %a {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
      : tensor<?x8xf32, #nn.shape<[B, 8]>>, tensor<8x8xf32> -> tensor<?x8xf32, #nn.shape<[B, 8]>>
    nn.yield %y : tensor<?x8xf32, #nn.shape<[B, 8]>>
  } -> tensor<?x8xf32, #nn.shape<[B, 8]>>
  return %r : tensor<?x8xf32, #nn.shape<[B, 8]>>
}

// -----

// Weights of a convolution that are a view of a parameter are brought into its order when the model is loaded; others
// are read as they are.
// CHECK-LABEL: func.func @turnedWeights
// CHECK-DAG: %[[P:[a-z0-9_]+]] = nn.packed @{{.*}} : tensor<6x4x3xf32>
// CHECK-DAG: %[[V:[a-z0-9_]+]] = nn.parameter "v" : tensor<6x4x3xf32>
// CHECK: nn.convolve %arg0, %[[P]] {
// CHECK: nn.convolve %arg0, %[[V]] {
// CHECK: func.func private @pack.w
// CHECK: nn.transpose
!image = tensor<?x4x9xf32, #nn.shape<[B, 4, 9]>>
!result = tensor<?x6x7xf32, #nn.shape<[B, 6, 7]>>
func.func @turnedWeights(%x: !image) -> (!result, !result) attributes {nn.dims = ["B"], nn.model = "M", nn.called_by_runtime} {
  %w = nn.parameter "w" : tensor<4x6x3xf32>
  %v = nn.parameter "v" : tensor<6x4x3xf32>
  %t = nn.transpose %w {permutation = array<i64: 1, 0, 2>} : (tensor<4x6x3xf32>) -> tensor<6x4x3xf32>
  %a = nn.convolve %x, %t {} {stride = array<i64: 1>, padding = array<i64: 0>, dilation = array<i64: 1>, groups = 1 : i64, spread = array<i64: 1>} : !image, tensor<6x4x3xf32> -> !result
  %b = nn.convolve %x, %v {} {stride = array<i64: 1>, padding = array<i64: 0>, dilation = array<i64: 1>, groups = 1 : i64, spread = array<i64: 1>} : !image, tensor<6x4x3xf32> -> !result
  return %a, %b : !result, !result
}
