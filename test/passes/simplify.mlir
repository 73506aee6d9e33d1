// RUN: %nnc-opt %s --simplify --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[B, 8]>>

// Views of a constant are a constant.
// CHECK-LABEL: func.func @constant
// CHECK: %[[C:.*]] = nn.constant 2.0{{.*}} : f32 -> tensor<8x?xf32, #nn.shape<[8, B]>>
// CHECK-NEXT: return %[[C]]
func.func @constant() -> tensor<8x?xf32, #nn.shape<[8, B]>> attributes {nn.dims = ["B"]} {
  %0 = nn.constant 2.0 : f32 -> tensor<f32>
  %1 = nn.broadcast %0 {axes = array<i64>} : (tensor<f32>) -> !x
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (!x) -> tensor<8x?xf32, #nn.shape<[8, B]>>
  return %2 : tensor<8x?xf32, #nn.shape<[8, B]>>
}

// Work on values that repeat is done before they do: once per value.
// CHECK-LABEL: func.func @repeated
// CHECK: %[[C:.*]] = nn.constant 1.0{{.*}} : f32 -> tensor<?xf32, #nn.shape<[B]>>
// CHECK: %[[S:.*]] = nn.add %arg0, %[[C]] : (tensor<?xf32, #nn.shape<[B]>>
// CHECK: %[[E:.*]] = nn.exp %[[S]]
// CHECK: %[[R:.*]] = nn.broadcast %[[E]] {axes = array<i64: 0>}
// CHECK: return %[[R]]
func.func @repeated(%x: tensor<?xf32, #nn.shape<[B]>>) -> !x attributes {nn.dims = ["B"]} {
  %0 = nn.reshape %x : (tensor<?xf32, #nn.shape<[B]>>) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %one = nn.constant 1.0 : f32 -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %1 = nn.add %0, %one : (tensor<?x1xf32, #nn.shape<[B, 1]>>, tensor<?x1xf32, #nn.shape<[B, 1]>>) -> tensor<?x1xf32, #nn.shape<[B, 1]>>
  %2 = nn.broadcast %1 {axes = array<i64: 0, 1>} : (tensor<?x1xf32, #nn.shape<[B, 1]>>) -> !x
  %3 = nn.exp %2 : (!x) -> !x
  return %3 : !x
}

// Values that repeat along different axes meet in the whole shape.
// CHECK-LABEL: func.func @outer
// CHECK: nn.broadcast %arg0 {axes = array<i64: 0>}
// CHECK: nn.broadcast %arg1 {axes = array<i64: 1>}
// CHECK: nn.mul {{.*}} -> tensor<?x8xf32
func.func @outer(%x: tensor<?xf32, #nn.shape<[B]>>, %y: tensor<8xf32>) -> !x attributes {nn.dims = ["B"]} {
  %0 = nn.broadcast %x {axes = array<i64: 0>} : (tensor<?xf32, #nn.shape<[B]>>) -> !x
  %1 = nn.broadcast %y {axes = array<i64: 1>} : (tensor<8xf32>) -> !x
  %2 = nn.mul %0, %1 : (!x, !x) -> !x
  return %2 : !x
}

// A transpose goes to the smaller operand of a broadcast.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[T:.*]] = nn.transpose %arg0 {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK: nn.broadcast %[[T]] {axes = array<i64: 1, 2>} : (tensor<3x2xf32>) -> tensor<5x3x2xf32>
func.func @transposed(%x: tensor<2x3xf32>) -> tensor<5x3x2xf32> {
  %0 = nn.broadcast %x {axes = array<i64: 0, 2>} : (tensor<2x3xf32>) -> tensor<2x5x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<2x5x3xf32>) -> tensor<5x3x2xf32>
  return %1 : tensor<5x3x2xf32>
}

// A repeated counter is a counter; one number of it, repeated, is not.
// CHECK-LABEL: func.func @counter
// CHECK-DAG: nn.iota <2> {axis = 0 : i64} -> tensor<3x7xi64>
// CHECK-DAG: %[[ONE:.*]] = nn.iota <4> {axis = 0 : i64} -> tensor<1xi64>
// CHECK-DAG: nn.broadcast %[[ONE]]
func.func @counter() -> (tensor<3x7xi64>, tensor<9xi64>) {
  %0 = nn.iota <2> {axis = 0 : i64} -> tensor<3xi64>
  %1 = nn.broadcast %0 {axes = array<i64: 1>} : (tensor<3xi64>) -> tensor<7x3xi64>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<7x3xi64>) -> tensor<3x7xi64>
  %3 = nn.iota <4> {axis = 0 : i64} -> tensor<1xi64>
  %4 = nn.broadcast %3 {axes = array<i64: 0>} : (tensor<1xi64>) -> tensor<9xi64>
  return %2, %4 : tensor<3x7xi64>, tensor<9xi64>
}

// Neutral elements vanish, small powers are products.
// CHECK-LABEL: func.func @neutral
// CHECK-NEXT: %[[S:.*]] = nn.mul %arg0, %arg0
// CHECK-NEXT: %[[P:.*]] = nn.mul %[[S]], %arg0
// CHECK-NEXT: return %[[P]]
func.func @neutral(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = nn.constant 1.0 : f32 -> tensor<4xf32>
  %zero = nn.constant 0.0 : f32 -> tensor<4xf32>
  %three = nn.constant 3 : i64 -> tensor<4xi64>
  %0 = nn.mul %one, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.divide %0, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.pow %1, %three : (tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  %3 = nn.add %2, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// 0 - x and 1 / x are something else.
// CHECK-LABEL: func.func @notNeutral
// CHECK: nn.sub
// CHECK: nn.divide
func.func @notNeutral(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = nn.constant 1.0 : f32 -> tensor<4xf32>
  %zero = nn.constant 0.0 : f32 -> tensor<4xf32>
  %0 = nn.sub %zero, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.divide %one, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----
// A loop without what nobody asks for: a sequence twice, a carried value that stays as it is, a result that there is
// already, a sum that nobody reads. Views of what is outside are made there.
// CHECK-LABEL: func @needless
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32, {{.*}}>, %[[H:.*]]: tensor<4xf32>, %[[K:.*]]: tensor<1xf32>
// CHECK: %[[K4:.*]] = nn.broadcast %[[K]]
// CHECK: %[[R:.*]]:2 = nn.scan over(%[[X]] : {{.*}}) carrying(%[[H]] :
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %[[XT:.*]]: tensor<4xf32>, %[[C:.*]]: tensor<4xf32>):
// CHECK: nn.add %[[XT]], %[[XT]]
// CHECK: nn.mul %{{.*}}, %[[K4]]
// CHECK: nn.yield %[[N:.*]], %[[N]] :
// CHECK: return %[[R]]#0, %[[R]]#0, %[[R]]#1, %[[X]]
!xs = tensor<?x4xf32, #nn.shape<[T, 4]>>
!x = tensor<4xf32>
func.func @needless(%xs: !xs, %h: !x, %k: tensor<1xf32>) -> (!xs, !xs, !x, !xs) attributes {nn.dims = ["T"]} {
  %r:6 = nn.scan over(%xs, %xs : !xs, !xs) carrying(%h, %h, %h : !x, !x, !x) steps <T> {
  ^bb0(%t: tensor<i64>, %x: !x, %again: !x, %c: !x, %same: !x, %sum: !x):
    %k4 = nn.broadcast %k {axes = array<i64: 0>} : (tensor<1xf32>) -> !x
    %a = nn.add %x, %again : (!x, !x) -> !x
    %b = nn.mul %a, %k4 : (!x, !x) -> !x
    %d = nn.sub %b, %c : (!x, !x) -> !x
    %n = nn.add %d, %same : (!x, !x) -> !x
    %s = nn.add %sum, %n : (!x, !x) -> !x
    nn.yield %n, %n, %again, %n, %same, %s : !x, !x, !x, !x, !x, !x
  } -> !xs, !xs, !xs, !x, !x, !x
  return %r#0, %r#1, %r#3, %r#2 : !xs, !xs, !x, !xs
}

// -----
// CHECK-LABEL: func @constants
// CHECK: %[[X2:.*]] = nn.mul %{{.*}}, %{{.*}}
// CHECK-NEXT: return %[[X2]]
func.func @constants(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = nn.constant 3 : i64 -> tensor<4xi64>
  %one = nn.constant 1 : i64 -> tensor<4xi64>
  %two = nn.sub %three, %one : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %p = nn.pow %x, %two : (tensor<4xf32>, tensor<4xi64>) -> tensor<4xf32>
  %never = nn.eq %three, %one : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
  %r = nn.where %never, %x, %p : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
