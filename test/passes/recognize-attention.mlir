// RUN: nnc-opt %s --recognize-attention --verify-each | FileCheck %s

// A dot product, a predicate, and a number read at a pair; six heads share two keys: their axis becomes two.
// CHECK-LABEL: func.func @grouped
// CHECK-DAG: %[[Q:.*]] = nn.reshape %arg0 : {{.*}} -> tensor<2x3x?x8xf32, #nn.shape<[2, 3, N, 8]>>
// CHECK-DAG: %[[K:.*]] = nn.broadcast %arg1 {axes = array<i64: 0, 2, 3>}
// CHECK-DAG: %[[KEEP:.*]] = nn.broadcast %arg2 {axes = array<i64: 3>}
// CHECK: nn.attend(%[[Q]] : {{.*}}) to(%[[K]] : {{.*}}) value %{{.*}} extras(%[[KEEP]]
// CHECK-SAME: where {
// CHECK: ^bb0(%[[COUNTS:.*]]: i1):
// CHECK-DAG: %[[I:.*]] = nn.index 2 -> i64
// CHECK-DAG: %[[J:.*]] = nn.index 3 -> i64
// CHECK: nn.le %[[J]], %[[I]]
// CHECK: score {
// CHECK: ^bb0(%[[S:.*]]: f32, %{{.*}}: i1):
// CHECK: %[[FACTOR:.*]] = nn.constant 2.500000e-01 : f32 -> f32
// CHECK: nn.mul %[[S]], %[[FACTOR]]
// CHECK: } {batch = 2 : i64}
// CHECK: nn.reshape {{.*}} -> tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>
// CHECK-NOT: nn.neighbourhood
func.func @grouped(%q: tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>, %k: tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>, %keep: tensor<?xi1, #nn.shape<[N]>>) -> tensor<6x?x8xf32, #nn.shape<[6, N, 8]>> attributes {nn.dims = ["N"]} {
  %r = nn.neighbourhood "attend" over free <[6]> targets <N> sources <N> captures(%q, %k, %keep : tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>, tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>, tensor<?xi1, #nn.shape<[N]>>) where {
  ^bb0(%h: tensor<i64>, %i: tensor<i64>, %j: tensor<i64>, %a: tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>, %b: tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>, %c: tensor<?xi1, #nn.shape<[N]>>):
    %counts = nn.at %c[%j] {axes = array<i64: 0>} : tensor<?xi1, #nn.shape<[N]>>[tensor<i64>] -> tensor<i1>
    %before = nn.le %j, %i : (tensor<i64>, tensor<i64>) -> tensor<i1>
    %both = nn.and %counts, %before : (tensor<i1>, tensor<i1>) -> tensor<i1>
    nn.yield %both : tensor<i1>
  } body {
  ^bb0(%h: tensor<i64>, %i: tensor<i64>, %j: tensor<i64>, %a: tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>, %b: tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>, %c: tensor<?xi1, #nn.shape<[N]>>):
    %three = nn.constant 3 : i64 -> tensor<i64>
    %g = nn.div %h, %three : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %x = nn.at %a[%h, %i] {axes = array<i64: 0, 1>} : tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %y = nn.at %b[%g, %j] {axes = array<i64: 0, 1>} : tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %p = nn.mul %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %p {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %four = nn.constant 4.0 : f32 -> tensor<f32>
    %score = nn.divide %s, %four : (tensor<f32>, tensor<f32>) -> tensor<f32>
    nn.yield %score, %y : tensor<f32>, tensor<8xf32>
  } -> tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>
  return %r : tensor<6x?x8xf32, #nn.shape<[6, N, 8]>>
}

// A bias by the distance is read once for each distance: pairs of one are a diagonal.
// CHECK-LABEL: func.func @relative
// CHECK: %[[D:.*]] = nn.iota <-N>
// CHECK: %[[AT:.*]] = nn.minimum
// CHECK: %[[ROW:.*]] = nn.gather %arg1[%[[AT]]]
// CHECK: %[[BIAS:.*]] = nn.diagonals %[[ROW]] : {{.*}}#nn.shape<[M + N]>{{.*}} -> tensor<?x?xf32, #nn.shape<[N, M]>>
// CHECK: nn.attend({{.*}}) to({{.*}}) value %arg2 extras(%[[BIAS]]
func.func @relative(%q: tensor<?x8xf32, #nn.shape<[N, 8]>>, %t: tensor<5xf32>, %k: tensor<?x8xf32, #nn.shape<[M, 8]>>) -> tensor<?x8xf32, #nn.shape<[N, 8]>> attributes {nn.dims = ["N", "M"]} {
  %r = nn.neighbourhood "attend" over free <[]> targets <N> sources <M> captures(%q, %t, %k : tensor<?x8xf32, #nn.shape<[N, 8]>>, tensor<5xf32>, tensor<?x8xf32, #nn.shape<[M, 8]>>) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: tensor<?x8xf32, #nn.shape<[N, 8]>>, %b: tensor<5xf32>, %c: tensor<?x8xf32, #nn.shape<[M, 8]>>):
    %d = nn.sub %j, %i : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %away = nn.abs %d : (tensor<i64>) -> tensor<i64>
    %four = nn.constant 4 : i64 -> tensor<i64>
    %at = nn.minimum %away, %four : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %bias = nn.at %b[%at] {axes = array<i64: 0>} : tensor<5xf32>[tensor<i64>] -> tensor<f32>
    %x = nn.at %a[%i] {axes = array<i64: 0>} : tensor<?x8xf32, #nn.shape<[N, 8]>>[tensor<i64>] -> tensor<8xf32>
    %y = nn.at %c[%j] {axes = array<i64: 0>} : tensor<?x8xf32, #nn.shape<[M, 8]>>[tensor<i64>] -> tensor<8xf32>
    %p = nn.mul %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %p {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %score = nn.add %s, %bias : (tensor<f32>, tensor<f32>) -> tensor<f32>
    nn.yield %score, %y : tensor<f32>, tensor<8xf32>
  } -> tensor<?x8xf32, #nn.shape<[N, 8]>>
  return %r : tensor<?x8xf32, #nn.shape<[N, 8]>>
}

// A score that is no product of rows stays.
// CHECK-LABEL: func.func @other
// CHECK: nn.neighbourhood "attend"
func.func @other(%q: tensor<?xf32, #nn.shape<[N]>>) -> tensor<?xf32, #nn.shape<[N]>> attributes {nn.dims = ["N"]} {
  %r = nn.neighbourhood "attend" over free <[]> targets <N> sources <N> captures(%q : tensor<?xf32, #nn.shape<[N]>>) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: tensor<?xf32, #nn.shape<[N]>>):
    %x = nn.at %a[%i] {axes = array<i64: 0>} : tensor<?xf32, #nn.shape<[N]>>[tensor<i64>] -> tensor<f32>
    %y = nn.at %a[%j] {axes = array<i64: 0>} : tensor<?xf32, #nn.shape<[N]>>[tensor<i64>] -> tensor<f32>
    %s = nn.add %x, %y : (tensor<f32>, tensor<f32>) -> tensor<f32>
    nn.yield %s, %y : tensor<f32>, tensor<f32>
  } -> tensor<?xf32, #nn.shape<[N]>>
  return %r : tensor<?xf32, #nn.shape<[N]>>
}
