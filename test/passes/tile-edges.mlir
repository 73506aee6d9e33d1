// RUN: %nnc-opt %s --move-to-nodes --tile-edges --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!y = tensor<?x6xf32, #nn.shape<[N, 6]>>
!w = tensor<?x8xf32, #nn.shape<[E, 8]>>
!g = !nn.graph<N, N, E>

// What a node decides is computed before. The rest is called for each tile: rows of edges are gathered in the order of the
// targets; sums over one graph stand together.
// CHECK-LABEL: func.func @sums
// CHECK: %[[T:.*]] = nn.tanh %arg0
// CHECK: %[[C:.*]]:2 = nn.call @sums.edges(%arg1, %arg2, %arg3, %[[T]], %arg0) dims <[N, E, E, 0, 0, N]> {tiled = array<i64: -1, -1>}
// CHECK: return %[[C]]#0, %[[C]]#1
// CHECK-LABEL: func.func private @sums.edges(
// CHECK-SAME: nn.dims = ["N", "E", "tile.edges", "tile.first", "tile.from", "tile.to"], nn.one_thread
// CHECK: %[[G:.*]] = nn.tile %arg0 first <tile.first> targets <tile.from> to <tile.to> by_target : {{.*}} -> !nn.graph<N, N, tile.edges>
// CHECK: %[[N:.*]]:3 = nn.endpoints %[[G]]
// CHECK: %[[W:.*]] = nn.gather %arg1[%[[N]]#2]
// CHECK: nn.neighbourhood "sum" over graph(%[[G]] :
// CHECK-SAME: %[[W]]
// CHECK: nn.at {{.*}} : tensor<?x8xf32, #nn.shape<[tile.edges, 8]>>[tensor<i64>] -> tensor<8xf32>
// CHECK: nn.contract
// CHECK: nn.neighbourhood "max" over graph(%[[G]] :
func.func @sums(%x: !x, %g: !g, %w: !w, %m: tensor<8x6xf32>) -> (!y, !y) attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %w, %m : !x, !w, tensor<8x6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cw: !w, %cm: tensor<8x6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.tanh %0 : (tensor<8xf32>) -> tensor<8xf32>
    %2 = nn.at %cw[%e] {axes = array<i64: 0>} : !w[tensor<i64>] -> tensor<8xf32>
    %3 = nn.mul %1, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %4 = nn.contract %3, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %4 : tensor<6xf32>
  } -> !y
  %s = nn.neighbourhood "max" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m : !x, tensor<8x6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<8x6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cx[%v] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %3 = nn.mul %1, %0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %4 = nn.contract %3, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %4 : tensor<6xf32>
  } -> !y
  return %r, %s : !y, !y
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!w = tensor<?x8xf32, #nn.shape<[E, 8]>>
!g = !nn.graph<N, N, E>

// Values of edges are in the caller's order: tiles of what they read are slices, results are parts. The scores of attention
// are such values; it follows.
// CHECK-LABEL: func.func @scores
// CHECK: %[[L:.*]] = nn.add_self_loops %arg1
// CHECK: %[[S:.*]] = nn.call @scores.edges(%[[L]], {{.*}}) dims <[N, E, E + N, 0, 0, N]> {tiled = array<i64: 0>} : {{.*}} -> tensor<?xf32, #nn.shape<[E + N]>>
// CHECK: nn.neighbourhood "attend" over graph(%[[L]] :
// CHECK-SAME: %[[S]]
// CHECK: nn.at %{{.*}}[%{{.*}}] {axes = array<i64: 0>} : tensor<?xf32, #nn.shape<[E + N]>>
// CHECK-LABEL: func.func private @scores.edges(
// CHECK: %[[L:.*]] = nn.add_self_loops %arg0
// CHECK: nn.tile %[[L]] first <tile.first> targets <tile.from> to <tile.to> : {{.*}} -> !nn.graph<N, N, tile.edges>
// CHECK: nn.slice %{{.*}} {dynamic = array<i64>, offsets = #nn.shape<[tile.first, 0]>}
// CHECK: nn.neighbourhood "each"
// CHECK: -> tensor<?xf32, #nn.shape<[tile.edges]>>
func.func @scores(%x: !x, %g: !g, %w: tensor<?x8xf32, #nn.shape<[E + N, 8]>>, %m: tensor<8x8xf32>) -> !x attributes {nn.dims = ["N", "E"]} {
  %l = nn.add_self_loops %g : (!g) -> !nn.graph<N, N, E + N>
  %r = nn.neighbourhood "attend" over graph(%l : !nn.graph<N, N, E + N>) free <[]> targets <N> sources <N> captures(%x, %w, %m : !x, tensor<?x8xf32, #nn.shape<[E + N, 8]>>, tensor<8x8xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cw: tensor<?x8xf32, #nn.shape<[E + N, 8]>>, %cm: tensor<8x8xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cw[%e] {axes = array<i64: 0>} : tensor<?x8xf32, #nn.shape<[E + N, 8]>>[tensor<i64>] -> tensor<8xf32>
    %2 = nn.mul %1, %0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %3 = nn.contract %2, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x8xf32> -> tensor<8xf32>
    %4 = nn.sum %3 {axes = array<i64: 0>, keep = false} : (tensor<8xf32>) -> tensor<f32>
    nn.yield %4, %0 : tensor<f32>, tensor<8xf32>
  } -> !x
  return %r : !x
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!k = tensor<?xi64, #nn.shape<[E]>>
!g = !nn.graph<N, N, E>

// A message about a computed index has the number of its edge: all edges are computed at once. So is what is work for one pair.
// CHECK-LABEL: func.func @whole
// CHECK-NOT: nn.call
// CHECK: return
func.func @whole(%x: !x, %g: !g, %t: tensor<3x8xf32>, %k: !k, %m: tensor<8x8xf32>) -> (!x, !x) attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%t, %k, %m : tensor<3x8xf32>, !k, tensor<8x8xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %ct: tensor<3x8xf32>, %ck: !k, %cm: tensor<8x8xf32>):
    %0 = nn.at %ck[%e] {axes = array<i64: 0>} : !k[tensor<i64>] -> tensor<i64>
    %1 = nn.at %ct[%0] {axes = array<i64: 0>} : tensor<3x8xf32>[tensor<i64>] -> tensor<8xf32>
    %2 = nn.contract %1, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x8xf32> -> tensor<8xf32>
    nn.yield %2 : tensor<8xf32>
  } -> !x
  %s = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x : !x) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    nn.yield %0 : tensor<8xf32>
  } -> !x
  return %r, %s : !x, !x
}
