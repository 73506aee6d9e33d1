// RUN: %nnc-opt %s --fuse-maps --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>

// A graph of elementwise work is one kernel; constants and sizes are made in it, a repeated value is a view.
// CHECK-LABEL: func.func @graph
// CHECK-NOT: nn.constant{{.*}}tensor
// CHECK: %[[Y:.*]] = nn.broadcast %arg1
// CHECK: %[[M:.*]]:2 = nn.map(%arg0, %[[Y]] : {{.*}}) {
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
// CHECK: nn.add %[[A]], %[[B]] : (f32, f32) -> f32
// CHECK: nn.constant 5.0{{.*}} : f32 -> f32
// CHECK: nn.size <B> -> f32
// CHECK: nn.yield %{{.*}}, %{{.*}} : f32, f32
// CHECK: return %[[M]]#0, %[[M]]#1
func.func @graph(%x: !x, %y: tensor<8xf32>) -> (!x, !x) attributes {nn.dims = ["B"]} {
  %c = nn.constant 5.0 : f32 -> !x
  %n = nn.size <B> -> !x
  %b = nn.broadcast %y {axes = array<i64: 1>} : (tensor<8xf32>) -> !x
  %0 = nn.add %x, %b : (!x, !x) -> !x
  %1 = nn.mul %0, %c : (!x, !x) -> !x
  %2 = nn.divide %0, %n : (!x, !x) -> !x
  %3 = nn.exp %2 : (!x) -> !x
  return %1, %3 : !x, !x
}

// Kernels that need each other's results on the way stay two; another shape is another kernel.
// CHECK-LABEL: func.func @apart
// CHECK: nn.map
// CHECK: nn.exp
// CHECK: nn.contract
// CHECK: nn.map
// CHECK: nn.add
// CHECK: nn.tanh
// CHECK: nn.map(%arg2 : tensor<3xf32>)
// CHECK-NOT: nn.map
func.func @apart(%x: !x, %w: tensor<8x8xf32>, %z: tensor<3xf32>) -> (!x, tensor<3xf32>) attributes {nn.dims = ["B"]} {
  %0 = nn.exp %x : (!x) -> !x
  %1 = nn.contract %0, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !x, tensor<8x8xf32> -> !x
  %2 = nn.add %1, %0 : (!x, !x) -> !x
  %3 = nn.tanh %2 : (!x) -> !x
  %4 = nn.neg %z : (tensor<3xf32>) -> tensor<3xf32>
  return %3, %4 : !x, tensor<3xf32>
}

// Counters are made in the body; one that is returned has a kernel of its own.
// CHECK-LABEL: func.func @counters
// CHECK-DAG: %[[M:.*]] = nn.map() {{[{]}}
// CHECK: nn.index 1 -> i64
// CHECK: nn.index 0 -> i64
// CHECK: nn.le
// CHECK: nn.map()
// CHECK: nn.index 0 -> i64
// CHECK: nn.size <4> -> i64
// CHECK: nn.add
func.func @counters() -> (tensor<4x4xi1>, tensor<3xi64>) {
  %j = nn.iota <0> {axis = 1 : i64} -> tensor<4x4xi64>
  %i = nn.iota <0> {axis = 0 : i64} -> tensor<4x4xi64>
  %0 = nn.le %j, %i : (tensor<4x4xi64>, tensor<4x4xi64>) -> tensor<4x4xi1>
  %k = nn.iota <4> {axis = 0 : i64} -> tensor<3xi64>
  return %0, %k : tensor<4x4xi1>, tensor<3xi64>
}

// 16-bit floats are rounded where they leave the kernel, and where the program casts to them.
// CHECK-LABEL: func.func @half
// CHECK: ^bb0(%[[A:.*]]: bf16):
// CHECK: %[[W:.*]] = nn.cast %[[A]] : (bf16) -> f32
// CHECK: %[[E:.*]] = nn.exp %[[W]] : (f32) -> f32
// CHECK: %[[S:.*]] = nn.sin %[[E]] : (f32) -> f32
// CHECK: %[[R:.*]] = nn.cast %[[S]] : (f32) -> bf16
// CHECK: nn.yield %[[R]] : bf16
func.func @half(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %0 = nn.exp %x : (tensor<4xbf16>) -> tensor<4xbf16>
  %1 = nn.sin %0 : (tensor<4xbf16>) -> tensor<4xbf16>
  return %1 : tensor<4xbf16>
}

// In the body of a loop.
// CHECK-LABEL: func.func @loop
// CHECK: nn.scan
// CHECK: nn.map
// CHECK: nn.yield
func.func @loop(%x: !x) -> !x attributes {nn.dims = ["B"]} {
  %r = nn.scan over() carrying(%x : !x) steps <3> {
  ^bb0(%i: tensor<i64>, %h: !x):
    %0 = nn.exp %h : (!x) -> !x
    nn.yield %0 : !x
  } -> !x
  return %r : !x
}

// A draw is made in the body: by the number of the element, and the number of the copy if there is one.
// CHECK-LABEL: func.func @draw
// CHECK: %[[C:.*]] = nn.broadcast %arg0 {axes = array<i64>} : (tensor<i64>) -> tensor<2x5xi64>
// CHECK: nn.map(%[[C]] : tensor<2x5xi64>) {
// CHECK: ^bb0(%[[COPY:.*]]: i64):
// CHECK: %[[I:.*]] = nn.index 0
// CHECK: %[[J:.*]] = nn.index 1
// CHECK: %[[N:.*]] = nn.size <5>
// CHECK: %[[S:.*]] = nn.mul %[[I]], %[[N]]
// CHECK: %[[E:.*]] = nn.add %[[S]], %[[J]]
// CHECK: %[[D:.*]] = nn.draw %[[E]], %[[COPY]] {distribution = "normal", place = 7 : i64}
// CHECK: nn.mul %[[D]]
// CHECK-NOT: nn.map
func.func @draw(%copy: tensor<i64>) -> tensor<2x5xf32> {
  %0 = nn.normal %copy : tensor<i64> {place = 7 : i64} -> tensor<2x5xf32>
  %1 = nn.mul %0, %0 : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}
