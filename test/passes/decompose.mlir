// RUN: %nnc-opt %s --decompose --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>

// The variance is taken about the mean, in a second pass; `unbiased` divides by one less.
// CHECK-LABEL: func.func @var
// CHECK: %[[SUM:.*]] = nn.sum %arg0 {axes = array<i64: 1>} : {{.*}} -> tensor<?xf32, #nn.shape<[B]>>
// CHECK: %[[N:.*]] = nn.size <8>
// CHECK: %[[M:.*]] = nn.divide %[[SUM]], %[[N]]
// CHECK: %[[MB:.*]] = nn.broadcast %[[M]] {axes = array<i64: 0>}
// CHECK: %[[D:.*]] = nn.sub %arg0, %[[MB]]
// CHECK: %[[SQ:.*]] = nn.mul %[[D]], %[[D]]
// CHECK: %[[S2:.*]] = nn.sum %[[SQ]]
// CHECK: %[[LESS:.*]] = nn.sub
// CHECK: %[[V:.*]] = nn.divide %[[S2]], %[[LESS]]
// CHECK: nn.broadcast %[[V]] {axes = array<i64: 0>} : {{.*}} -> tensor<?x1xf32
func.func @var(%x: !x) -> tensor<?x1xf32, #nn.shape<[B, 1]>> attributes {nn.dims = ["B"]} {
  %0 = nn.var %x {axes = array<i64: -1>, keep = true, unbiased = true} : (!x) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  return %0 : tensor<?x1xf32, #nn.shape<[B, 1]>>
}

// Reduced axes go last; 16-bit floats are summed in f32 and rounded once.
// CHECK-LABEL: func.func @mean
// CHECK: %[[T:.*]] = nn.transpose %arg0 {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xbf16>) -> tensor<3x2x4xbf16>
// CHECK: %[[W:.*]] = nn.cast %[[T]] : (tensor<3x2x4xbf16>) -> tensor<3x2x4xf32>
// CHECK: %[[S:.*]] = nn.sum %[[W]] {axes = array<i64: 1, 2>} : (tensor<3x2x4xf32>) -> tensor<3xf32>
// CHECK: nn.size <8>
// CHECK: %[[M:.*]] = nn.divide %[[S]]
// CHECK: nn.cast %[[M]] {may_keep} : (tensor<3xf32>) -> tensor<3xbf16>
func.func @mean(%x: tensor<2x3x4xbf16>) -> tensor<3xbf16> {
  %0 = nn.mean %x {axes = array<i64: 0, 2>} : (tensor<2x3x4xbf16>) -> tensor<3xbf16>
  return %0 : tensor<3xbf16>
}

// Along another axis than the last: there and back by views. A maximum of -inf counts as 0, a sum of 0 as 1.
// CHECK-LABEL: func.func @softmax
// CHECK: %[[T:.*]] = nn.transpose %arg0 {permutation = array<i64: 1, 0>}
// CHECK: %[[M:.*]] = nn.max %[[T]] {axes = array<i64: 1>}
// CHECK: %[[INF:.*]] = nn.constant 0xFF800000
// CHECK: %[[EMPTY:.*]] = nn.eq %[[M]], %[[INF]]
// CHECK: nn.where %[[EMPTY]], %{{.*}}, %[[M]]
// CHECK: %[[E:.*]] = nn.exp
// CHECK: %[[S:.*]] = nn.sum %[[E]]
// CHECK: %[[NONE:.*]] = nn.eq %[[S]]
// CHECK: nn.where %[[NONE]], %{{.*}}, %[[S]]
// CHECK: %[[R:.*]] = nn.divide
// CHECK: %[[ALONG:.*]] = nn.broadcast %[[R]]
// CHECK: %[[Y:.*]] = nn.mul %[[E]], %[[ALONG]]
// CHECK: nn.transpose %[[Y]] {permutation = array<i64: 1, 0>} : {{.*}} -> tensor<?x8xf32
func.func @softmax(%x: !x) -> !x attributes {nn.dims = ["B"]} {
  %0 = nn.softmax %x {axis = 0 : i64} : (!x) -> !x
  return %0 : !x
}

// Of a log_softmax only the picked elements are computed: what is picked is an element of the operand.
// CHECK-LABEL: func.func @picked
// CHECK: %[[P:.*]] = nn.gather %arg0[%arg1] {axis = 1 : i64, batch = 1 : i64}
// CHECK: %[[D:.*]] = nn.sub %[[P]]
// CHECK: nn.sub %[[D]]
// CHECK-NEXT: return
func.func @picked(%x: !x, %label: tensor<?xi64, #nn.shape<[B]>>) -> tensor<?xf32, #nn.shape<[B]>> attributes {nn.dims = ["B"]} {
  %0 = nn.log_softmax %x : (!x) -> !x
  %1 = nn.pick %0, %label : (!x, tensor<?xi64, #nn.shape<[B]>>) -> tensor<?xf32, #nn.shape<[B]>>
  return %1 : tensor<?xf32, #nn.shape<[B]>>
}

// An index out of range is found by reading with it.
// CHECK-LABEL: func.func @one_hot
// CHECK: %[[ONES:.*]] = nn.constant 1.0{{.*}} -> tensor<5xf32>
// CHECK: nn.gather %[[ONES]][%arg0]
// CHECK: nn.iota <0> {axis = 1 : i64} -> tensor<3x5xi64>
// CHECK: nn.eq
// CHECK: nn.where
func.func @one_hot(%i: tensor<3xi64>) -> tensor<3x5xf32> {
  %0 = nn.one_hot %i {n = #nn.dim<5>, element = f32} : (tensor<3xi64>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// Over no axes: the sum of a scalar is the scalar, as an i64.
// CHECK-LABEL: func.func @scalar
// CHECK: nn.cast %arg0 : (tensor<i1>) -> tensor<i64>
func.func @scalar(%x: tensor<i1>) -> tensor<i64> {
  %0 = nn.sum %x {axes = array<i64>} : (tensor<i1>) -> tensor<i64>
  return %0 : tensor<i64>
}

// A whole tensor, where it may be large: threads share the positions on the first axis. A narrow one is one row.
// CHECK-LABEL: func.func @whole
// CHECK: %[[S:.*]] = nn.sum %arg0 {axes = array<i64: 1>}
// CHECK: nn.sum %[[S]] {axes = array<i64: 0>}
func.func @whole(%x: tensor<?x512xf32, #nn.shape<[B, 512]>>) -> tensor<f32> attributes {nn.dims = ["B"]} {
  %0 = nn.sum %x {axes = array<i64>} : (tensor<?x512xf32, #nn.shape<[B, 512]>>) -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK-LABEL: func.func @narrow
// CHECK: nn.sum %arg0 {axes = array<i64: 0, 1>}
func.func @narrow(%x: !x) -> tensor<f32> attributes {nn.dims = ["B"]} {
  %0 = nn.sum %x {axes = array<i64>} : (!x) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Rows without elements have no largest one: none is asked for.
// CHECK-LABEL: func.func @empty
// CHECK-NOT: nn.max
// CHECK: nn.sum %{{.*}} {axes = array<i64: 1>}
// CHECK: nn.log
func.func @empty(%x: tensor<3x0xf32>) -> tensor<3xf32> {
  %0 = nn.logsumexp %x {axis = -1 : i64} : (tensor<3x0xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A transposed convolution spreads x by its stride and turns the window; w becomes [out, in, window].
// CHECK-LABEL: func.func @transposed
// CHECK: %[[S:.*]] = nn.reshape %arg1 : (tensor<4x6x3xf32>) -> tensor<2x2x6x3xf32>
// CHECK: %[[T:.*]] = nn.transpose %[[S]] {permutation = array<i64: 0, 2, 1, 3>}
// CHECK: %[[W:.*]] = nn.reshape %[[T]] : {{.*}} -> tensor<12x2x3xf32>
// CHECK: nn.convolve %arg0, %[[W]] {
// CHECK: {dilation = array<i64: -1>, groups = 2 : i64, padding = array<i64: -1>, spread = array<i64: 2>, stride = array<i64: 1>}
func.func @transposed(%x: tensor<1x4x5xf32>, %w: tensor<4x6x3xf32>) -> tensor<1x12x9xf32> {
  %0 = nn.conv_transpose %x, %w {stride = 2 : i64, padding = 1 : i64, output_padding = 0 : i64, dilation = 1 : i64, groups = 2 : i64}
    : (tensor<1x4x5xf32>, tensor<4x6x3xf32>) -> tensor<1x12x9xf32>
  return %0 : tensor<1x12x9xf32>
}

// Few elements are picked; many are sorted, with room.
// CHECK-LABEL: func.func @largest
// CHECK: nn.order %arg0 {descending = true} : tensor<3x50xf32> -> tensor<3x32xf32>, tensor<3x32xi64>{{$}}
// CHECK: nn.order %arg0 {descending = true} : tensor<3x50xf32> -> tensor<3x33xf32>, tensor<3x33xi64>, tensor<3x100xi64>
// CHECK: nn.order %arg0 {descending = false} : tensor<3x50xf32> -> tensor<3x50xf32>, tensor<3x50xi64>, tensor<3x100xi64>
func.func @largest(%x: tensor<3x50xf32>) -> (tensor<3x32xf32>, tensor<3x33xi64>, tensor<3x50xf32>) {
  %a, %b = nn.topk %x {k = 32 : i64} : (tensor<3x50xf32>) -> (tensor<3x32xf32>, tensor<3x32xi64>)
  %c, %d = nn.topk %x {k = 33 : i64} : (tensor<3x50xf32>) -> (tensor<3x33xf32>, tensor<3x33xi64>)
  %e, %f = nn.sort %x : (tensor<3x50xf32>) -> (tensor<3x50xf32>, tensor<3x50xi64>)
  return %a, %d, %e : tensor<3x32xf32>, tensor<3x33xi64>, tensor<3x50xf32>
}
