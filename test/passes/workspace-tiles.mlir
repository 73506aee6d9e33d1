// RUN: %nnc-opt %s --bufferize --workspace --barriers | FileCheck %s

// A frame for each thread: those of a tile, and as large a tile as a frame of 512 KiB has room for.
// CHECK-LABEL: func.func private @f.frame(
// CHECK-SAME: i32
// CHECK: nn.extent <1024>
// CHECK: %[[ONE:.*]] = call @f.edges.frame
// CHECK: %[[THREADS:.*]] = arith.extsi %arg1
// CHECK: arith.muli %[[ONE]], %[[THREADS]]
// CHECK-LABEL: func.func @f(
// CHECK: nn.call @f.edges({{.*}} {tile = 1024 : i64, tiled = array<i64: -1>}

// What a sum hands on to the next tile lies first, where no size of a tile matters, and shares its place with nothing. The
// thread is alone: no barriers.
// CHECK-LABEL: func.func private @f.edges(
// CHECK: %[[ZERO:[a-z0-9_]+]] = arith.constant 0
// CHECK-NEXT: %[[COUNT:.*]] = nn.slot %{{.*}}[%[[ZERO]]] : !llvm.ptr -> <[8] of i64>
// CHECK-NEXT: nn.extent <64>
// CHECK: %[[SUM:.*]] = nn.slot %{{.*}}[%{{.*}}] : !llvm.ptr -> <[8] of f32>
// CHECK-NEXT: nn.extent <64>
// CHECK-NOT: nn.barrier
// CHECK: nn.neighbourhood "sum" {{.*}} into(%{{[^,]*}}, %[[SUM]], %[[COUNT]] :
// CHECK-NOT: nn.barrier
// CHECK: return

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!t = tensor<?x8xf32, #nn.shape<[tile.edges, 8]>>
func.func @f(%x: !x, %g: !nn.graph<N, N, E>, %m: tensor<1x8x8xf32>) -> !x attributes {nn.dims = ["N", "E"]} {
  %r = nn.call @f.edges(%g, %x, %m) dims <[N, E, E, 0, 0, N]> {tiled = array<i64: -1>} : (!nn.graph<N, N, E>, !x, tensor<1x8x8xf32>) -> !x
  return %r : !x
}
func.func private @f.edges(%g: !nn.graph<N, N, E>, %x: !x, %m: tensor<1x8x8xf32>) -> !x
    attributes {nn.dims = ["N", "E", "tile.edges", "tile.first", "tile.from", "tile.to"], nn.one_thread} {
  %t = nn.tile %g first <tile.first> targets <tile.from> to <tile.to> by_target : (!nn.graph<N, N, E>) -> !nn.graph<N, N, tile.edges>
  %n:3 = nn.endpoints %t : <N, N, tile.edges> -> tensor<?xi64, #nn.shape<[tile.edges]>>, tensor<?xi64, #nn.shape<[tile.edges]>>, tensor<?xi64, #nn.shape<[tile.edges]>>
  %u = nn.gather %x[%n#0] {axis = 0 : i64} : !x[tensor<?xi64, #nn.shape<[tile.edges]>>] -> !t
  %p = nn.contract %u, %m {} {batch = 0 : i64, k = 1 : i64, m = 1 : i64, n = 1 : i64, panel = 8 : i64} : !t, tensor<1x8x8xf32> -> !t
  %r = nn.neighbourhood "sum" over graph(%t : !nn.graph<N, N, tile.edges>) free <[]> targets <N> sources <N> captures(%p : !t) where {
  } body {
  ^bb0(%v: tensor<i64>, %s: tensor<i64>, %e: tensor<i64>, %c: !t):
    %0 = nn.at %c[%e] {axes = array<i64: 0>} : !t[tensor<i64>] -> tensor<8xf32>
    nn.yield %0 : tensor<8xf32>
  } -> !x
  return %r : !x
}
