// RUN: %nnc-opt %s --bufferize --split-input-file | FileCheck %s

// Sizes, places and the frame are arguments; the result is written where it is returned.
// CHECK-LABEL: func.func private @map
// CHECK-SAME: (%arg0: !llvm.ptr, %arg1: i32, %arg2: i64, %[[X:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>, %{{.*}}: !llvm.ptr)
// CHECK-NEXT: nn.map(%[[X]] : {{.*}}) into(%[[OUT]]
// CHECK-NOT: nn.alloc
// CHECK-NOT: nn.copy
func.func private @map(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x8xf32, #nn.shape<[B, 8]>>
    attributes {nn.dims = ["B"]} {
  %y = nn.map (%x : tensor<?x8xf32, #nn.shape<[B, 8]>>) {
  ^bb0(%a: f32):
    %n = nn.neg %a : (f32) -> f32
    nn.yield %n : f32
  } -> tensor<?x8xf32, #nn.shape<[B, 8]>>
  return %y : tensor<?x8xf32, #nn.shape<[B, 8]>>
}

// -----

// Views are strides: transposed, stretched, cut.
// CHECK-LABEL: func.func private @views
// CHECK: nn.view %{{.*}} -> !nn.ref<[8, B] of f32, [1, 8]>
// CHECK: nn.view %{{.*}} -> !nn.ref<[4, 8, B] of f32, [0, 1, 8]>
// CHECK: nn.view %{{.*}} offset = #nn.dim<2>{{.*}} -> !nn.ref<[4, 3, B] of f32, [0, 1, 8]>
func.func private @views(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<4x3x?xf32, #nn.shape<[4, 3, B]>>
    attributes {nn.dims = ["B"]} {
  %t = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<8x?xf32, #nn.shape<[8, B]>>
  %b = nn.broadcast %t {axes = array<i64: 1, 2>} : (tensor<8x?xf32, #nn.shape<[8, B]>>) -> tensor<4x8x?xf32, #nn.shape<[4, 8, B]>>
  %s = nn.slice %b {offsets = #nn.shape<[0, 2, 0]>, dynamic = array<i64>} : (tensor<4x8x?xf32, #nn.shape<[4, 8, B]>>) -> tensor<4x3x?xf32, #nn.shape<[4, 3, B]>>
  return %s : tensor<4x3x?xf32, #nn.shape<[4, 3, B]>>
}

// -----

// Axes that do not follow each other can not be one: a copy; those that do can.
// CHECK-LABEL: func.func private @reshapes
// CHECK: nn.view %{{.*}} -> !nn.ref<[8, B] of f32, [1, 8]>
// CHECK: %[[WHOLE:[a-z0-9_]+]] = nn.alloc : <[8, B] of f32>
// CHECK: nn.copy %{{.*}} into(%[[WHOLE]]
// CHECK: nn.view %[[WHOLE]] {{.*}} -> !nn.ref<[8 * B] of f32>
func.func private @reshapes(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?xf32, #nn.shape<[8 * B]>>
    attributes {nn.dims = ["B"]} {
  %t = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<8x?xf32, #nn.shape<[8, B]>>
  %r = nn.reshape %t : (tensor<8x?xf32, #nn.shape<[8, B]>>) -> tensor<?xf32, #nn.shape<[8 * B]>>
  return %r : tensor<?xf32, #nn.shape<[8 * B]>>
}

// -----

// Joining costs nothing where the parts are made for it: they are written into their part of the whole.
// CHECK-LABEL: func.func private @joins
// CHECK-SAME: %[[X:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[B, 16] of f32>
// CHECK: %[[PART:[a-z0-9_]+]] = nn.view %[[OUT]] {{.*}} -> !nn.ref<[B, 8] of f32, [16, 1]>
// CHECK: nn.map(%[[X]] : {{.*}}) into(%[[PART]]
// CHECK: %[[OTHER:[a-z0-9_]+]] = nn.view %[[OUT]] {{.*}}offset = #nn.dim<8>
// CHECK: nn.copy %[[X]] into(%[[OTHER]]
// CHECK-NOT: nn.copy
func.func private @joins(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x16xf32, #nn.shape<[B, 16]>>
    attributes {nn.dims = ["B"]} {
  %y = nn.map (%x : tensor<?x8xf32, #nn.shape<[B, 8]>>) {
  ^bb0(%a: f32):
    %n = nn.neg %a : (f32) -> f32
    nn.yield %n : f32
  } -> tensor<?x8xf32, #nn.shape<[B, 8]>>
  %r = nn.concat %y, %x {axis = 1 : i64} : (tensor<?x8xf32, #nn.shape<[B, 8]>>, tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x16xf32, #nn.shape<[B, 16]>>
  return %r : tensor<?x16xf32, #nn.shape<[B, 16]>>
}

// -----

// A carry has a place to read and a place to write; nothing is copied per step.
// CHECK-LABEL: func.func private @loop
// CHECK-SAME: %[[X:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>
// CHECK: %[[SPARE:[a-z0-9_]+]] = nn.alloc : <[B, 8] of f32>
// CHECK: nn.scan over() carrying(%[[X]] : {{.*}}) into(%[[OUT]], %[[SPARE]]
// CHECK: ^bb0(%{{.*}}: !nn.ref<[] of i64>, %[[PREV:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>, %[[NEXT:[a-z0-9_]+]]: !nn.ref<[B, 8] of f32>):
// CHECK: nn.map(%[[PREV]] : {{.*}}) into(%[[NEXT]]
// CHECK-NOT: nn.copy
func.func private @loop(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x8xf32, #nn.shape<[B, 8]>>
    attributes {nn.dims = ["B"]} {
  %r = nn.scan over() carrying(%x : tensor<?x8xf32, #nn.shape<[B, 8]>>) steps <5> {
  ^bb0(%i: tensor<i64>, %h: tensor<?x8xf32, #nn.shape<[B, 8]>>):
    %y = nn.map (%h : tensor<?x8xf32, #nn.shape<[B, 8]>>) {
    ^bb0(%a: f32):
      %n = nn.neg %a : (f32) -> f32
      nn.yield %n : f32
    } -> tensor<?x8xf32, #nn.shape<[B, 8]>>
    nn.yield %y : tensor<?x8xf32, #nn.shape<[B, 8]>>
  } -> tensor<?x8xf32, #nn.shape<[B, 8]>>
  return %r : tensor<?x8xf32, #nn.shape<[B, 8]>>
}

// A pass over columns writes where the result is wanted, if that lies like what it reads.
// CHECK-LABEL: func.func @columns
// CHECK-DAG: nn.view %arg3 {{.*}} -> !nn.ref<[8, B] of f32, [1, 8]>
// CHECK-DAG: nn.view %arg4 {{.*}} -> !nn.ref<[8, B] of f32, [1, 8]>
// CHECK: nn.rows(%{{.*}} : {{.*}} into(%{{.*}} : !nn.ref<[8, B] of f32, [1, 8]>)
// CHECK-NOT: nn.copy
// CHECK: return
func.func @columns(%x: tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<?x8xf32, #nn.shape<[B, 8]>> attributes {nn.dims = ["B"]} {
  %t = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x8xf32, #nn.shape<[B, 8]>>) -> tensor<8x?xf32, #nn.shape<[8, B]>>
  %c = nn.rows(%t : tensor<8x?xf32, #nn.shape<[8, B]>>) {
  ^bb0(%row: tensor<?xf32, #nn.shape<[B]>>):
    %s = nn.cumsum %row {axis = 0 : i64} : (tensor<?xf32, #nn.shape<[B]>>) -> tensor<?xf32, #nn.shape<[B]>>
    nn.yield %s : tensor<?xf32, #nn.shape<[B]>>
  } {parallel = #nn.shape<[8]>, row = #nn.shape<[B]>, row_rank = 1 : i64} -> tensor<8x?xf32, #nn.shape<[8, B]>>
  %back = nn.transpose %c {permutation = array<i64: 1, 0>} : (tensor<8x?xf32, #nn.shape<[8, B]>>) -> tensor<?x8xf32, #nn.shape<[B, 8]>>
  return %back : tensor<?x8xf32, #nn.shape<[B, 8]>>
}

// -----

!h = tensor<4x?x8xf32, #nn.shape<[4, N, 8]>>
!x = tensor<?x4x8xf32, #nn.shape<[N, 4, 8]>>
!y = tensor<?x32xf32, #nn.shape<[N, 32]>>

// Heads beside each other: attention goes row by row, and puts each row where it belongs.
// CHECK-LABEL: func.func private @heads
// CHECK-NOT: nn.alloc
// CHECK: nn.attend{{.*}} into(%{{.*}} : !nn.ref<[4, N, 8] of f32, [8, 32, 1]>)
// CHECK-NOT: nn.copy
// CHECK: return
func.func private @heads(%q: !h, %k: !h, %v: !h) -> !y attributes {nn.dims = ["N"]} {
  %r = nn.attend(%q : !h) to(%k : !h) value %v where {} score {
  ^bb0(%p: f32):
    nn.yield %p : f32
  } {batch = 1 : i64} : !h -> !h
  %t = nn.transpose %r {permutation = array<i64: 1, 0, 2>} : (!h) -> !x
  %y = nn.reshape %t : (!x) -> !y
  return %y : !y
}

// So do sums over pairs, each of their results for itself.
// CHECK-LABEL: func.func private @sums
// CHECK-NOT: nn.alloc
// CHECK: nn.pair_sums{{.*}} into(%{{.*}}, %{{.*}} : !nn.ref<[4, N, 8] of f32, [8, 32, 1]>, !nn.ref<[4, N] of f32>)
// CHECK-NOT: nn.copy
// CHECK: return
func.func private @sums(%q: !h, %k: !h, %v: !h) -> (!y, tensor<4x?xf32, #nn.shape<[4, N]>>) attributes {nn.dims = ["N"]} {
  %r, %s = nn.pair_sums(%q : !h) to(%k : !h) values(%v : !h) where {} weights {
  ^bb0(%p: f32):
    nn.yield %p, %p : f32, f32
  } {batch = 1 : i64} -> !h, tensor<4x?xf32, #nn.shape<[4, N]>>
  %t = nn.transpose %r {permutation = array<i64: 1, 0, 2>} : (!h) -> !x
  %y = nn.reshape %t : (!x) -> !y
  return %y, %s : !y, tensor<4x?xf32, #nn.shape<[4, N]>>
}

// Elements of a row that are far from each other are written in a row first.
// CHECK-LABEL: func.func private @columns
// CHECK: %[[ROWS:[a-z0-9_]+]] = nn.alloc : <[4, N, 8] of f32>
// CHECK: nn.attend{{.*}} into(%[[ROWS]] : !nn.ref<[4, N, 8] of f32>)
// CHECK: nn.copy
func.func private @columns(%q: !h, %k: !h, %v: !h) -> tensor<4x8x?xf32, #nn.shape<[4, 8, N]>> attributes {nn.dims = ["N"]} {
  %r = nn.attend(%q : !h) to(%k : !h) value %v where {} score {
  ^bb0(%p: f32):
    nn.yield %p : f32
  } {batch = 1 : i64} : !h -> !h
  %t = nn.transpose %r {permutation = array<i64: 0, 2, 1>} : (!h) -> tensor<4x8x?xf32, #nn.shape<[4, 8, N]>>
  return %t : tensor<4x8x?xf32, #nn.shape<[4, 8, N]>>
}

// Neighbourhoods as well, also where an operation comes after.
// CHECK-LABEL: func.func private @neighbours
// CHECK: %[[ALL:[a-z0-9_]+]] = nn.alloc : <[N, 32] of f32>
// CHECK: nn.neighbourhood{{.*}} into(%{{.*}} : !nn.ref<[4, N, 8] of f32, [8, 32, 1]>)
// CHECK-NOT: nn.copy
// CHECK: nn.map(%[[ALL]]
func.func private @neighbours(%x: !x, %g: !nn.graph<N, N, E>) -> !y attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !nn.graph<N, N, E>) free <[4]> targets <N> sources <N> captures(%x : !x) where {
  } body {
  ^bb0(%k: tensor<i64>, %v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %a: !x):
    %row = nn.at %a[%u, %k] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    nn.yield %row : tensor<8xf32>
  } -> !h
  %t = nn.transpose %r {permutation = array<i64: 1, 0, 2>} : (!h) -> !x
  %y = nn.reshape %t : (!x) -> !y
  %z = nn.map (%y : !y) {
  ^bb0(%a: f32):
    %n = nn.neg %a : (f32) -> f32
    nn.yield %n : f32
  } -> !y
  return %z : !y
}

// -----

!all = tensor<?x8xf32, #nn.shape<[M, 8]>>
!row = tensor<1x8xf32>

// A loop that writes a part of what it carries does so where that lies: the caller's value is copied once. What a step
// had before is not read any more.
// CHECK-LABEL: func.func private @rows
// CHECK-SAME: %[[X:[a-z0-9_]+]]: !nn.ref<[M, 8] of f32>, %[[ROWS:[a-z0-9_]+]]: !nn.ref<[T, 1, 8] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[M, 8] of f32>
// CHECK-NOT: nn.alloc
// CHECK: nn.copy %[[X]] into(%[[OUT]]
// CHECK: nn.scan over(%[[ROWS]] : {{.*}} carrying(%[[OUT]] : {{.*}} into(%[[OUT]], %[[OUT]] :
// CHECK: ^bb0(%[[STEP:[a-z0-9_]+]]: !nn.ref<[] of i64>, %[[ROW:[a-z0-9_]+]]: !nn.ref<[1, 8] of f32>, %[[ALL:[a-z0-9_]+]]: !nn.ref<[M, 8] of f32>, %{{.*}}):
// CHECK-NEXT: %[[PART:[a-z0-9_]+]] = nn.view %[[ALL]], %[[STEP]]
// CHECK-NEXT: nn.copy %[[ROW]] into(%[[PART]]
// CHECK-NEXT: nn.yield
func.func private @rows(%x: !all, %rows: tensor<?x1x8xf32, #nn.shape<[T, 1, 8]>>) -> !all attributes {nn.dims = ["M", "T"]} {
  %r = nn.scan over(%rows : tensor<?x1x8xf32, #nn.shape<[T, 1, 8]>>) carrying(%x : !all) steps <T> {
  ^bb0(%i: tensor<i64>, %row: !row, %all: !all):
    %y = nn.update %all, %row, %i {dynamic = array<i64: 0>, offsets = #nn.shape<[0, 0]>} : (!all, !row, tensor<i64>) -> !all
    nn.yield %y : !all
  } -> !all
  return %r : !all
}

// A step that reads what was there before makes the new value beside it.
// CHECK-LABEL: func.func private @before
// CHECK: %[[SPARE:[a-z0-9_]+]] = nn.alloc : <[M, 8] of f32>
// CHECK: nn.scan {{.*}} into(%{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %[[SPARE]] :
func.func private @before(%x: !all, %rows: tensor<?x1x8xf32, #nn.shape<[T, 1, 8]>>)
    -> (tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all) attributes {nn.dims = ["M", "T"]} {
  %r:2 = nn.scan over(%rows : tensor<?x1x8xf32, #nn.shape<[T, 1, 8]>>) carrying(%x : !all) steps <T> {
  ^bb0(%i: tensor<i64>, %row: !row, %all: !all):
    %y = nn.update %all, %row, %i {dynamic = array<i64: 0>, offsets = #nn.shape<[0, 0]>} : (!all, !row, tensor<i64>) -> !all
    nn.yield %all, %y : !all, !all
  } -> tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all
  return %r#0, %r#1 : tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all
}

// A value that is read before a part of it is written lies where the new one will.
// CHECK-LABEL: func.func private @readBetween
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[M, 8] of f32>, %[[SUM:[a-z0-9_]+]]: !nn.ref<[M, 8] of f32>
// CHECK-NOT: nn.alloc
// CHECK: nn.copy %{{.*}} into(%[[OUT]]
// CHECK: nn.map(%[[OUT]] : {{.*}} into(%[[SUM]]
// CHECK: nn.copy
// CHECK-NOT: nn.copy
// CHECK: return
func.func private @readBetween(%x: !all, %row: !row, %i: tensor<i64>) -> (!all, !all) attributes {nn.dims = ["M"]} {
  %a = nn.update %x, %row {dynamic = array<i64>, offsets = #nn.shape<[0, 0]>} : (!all, !row) -> !all
  %s = nn.map (%a : !all) {
  ^bb0(%v: f32):
    %n = nn.neg %v : (f32) -> f32
    nn.yield %n : f32
  } -> !all
  %b = nn.update %a, %row, %i {dynamic = array<i64: 0>, offsets = #nn.shape<[0, 0]>} : (!all, !row, tensor<i64>) -> !all
  return %b, %s : !all, !all
}

// -----

!p = tensor<1x8xf32>
!q = tensor<2x8xf32>

// A new value whose parts are made before the old one is read is made beside it; one that is made later, in its place.
// CHECK-LABEL: func.func @early
// CHECK: %[[NEW:[a-z0-9_]+]] = nn.alloc : <[2, 8] of f32>
// CHECK: %[[PART:[a-z0-9_]+]] = nn.view %[[NEW]]
// CHECK: %[[OLD:[a-z0-9_]+]] = nn.state_place
// CHECK: nn.map({{.*}} into(%[[PART]]
// CHECK: nn.map(%[[OLD]]
// CHECK: nn.copy %[[NEW]] into(%[[OLD]]
// CHECK-LABEL: func.func @late
// CHECK-NOT: nn.alloc
// CHECK: %[[OLD:[a-z0-9_]+]] = nn.state_place
// CHECK: %[[PART:[a-z0-9_]+]] = nn.view %[[OLD]]
// CHECK: nn.map(%[[OLD]]
// CHECK: nn.map({{.*}} into(%[[PART]]
nn.model "m" {c_name = "m", doc = ""}
nn.state "s" of "m" : !q {doc = "", initialiser = @init}
func.func private @init() -> !q attributes {nn.dims = []} {
  %c = nn.constant 0.0 : f32 -> !q
  return %c : !q
}
func.func @early(%x: !p) -> !q attributes {nn.dims = [], nn.called_by_runtime, nn.model = "m"} {
  %s = nn.state_value "s" : !q
  %p = nn.map (%x : !p) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !p
  %old = nn.map (%s : !q) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !q
  %new = nn.concat %p, %x {axis = 0 : i64} : (!p, !p) -> !q
  nn.store %new, "s" : !q
  return %old : !q
}
func.func @late(%x: !p) -> !q attributes {nn.dims = [], nn.called_by_runtime, nn.model = "m"} {
  %s = nn.state_value "s" : !q
  %old = nn.map (%s : !q) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !q
  %p = nn.map (%x : !p) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !p
  %new = nn.concat %p, %x {axis = 0 : i64} : (!p, !p) -> !q
  nn.store %new, "s" : !q
  return %old : !q
}

// -----

!e = tensor<?x8xf32, #nn.shape<[E, 8]>>
!f = tensor<?x4x2xf32, #nn.shape<[E, 4, 2]>>

// A part that others have read before is made where it is joined as well, if it has no gaps there.
// CHECK-LABEL: func.func private @edges
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[2 * E, 4, 2] of f32>
// CHECK-NOT: nn.alloc
// CHECK-NOT: nn.copy
// CHECK: return
func.func private @edges(%x: !e) -> tensor<?x4x2xf32, #nn.shape<[2 * E, 4, 2]>> attributes {nn.dims = ["E"]} {
  %a = nn.map (%x : !e) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !e
  %r = nn.reshape %a : (!e) -> !f
  %b = nn.map (%r : !f) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !f
  %all = nn.concat %r, %b {axis = 0 : i64} : (!f, !f) -> tensor<?x4x2xf32, #nn.shape<[2 * E, 4, 2]>>
  return %all : tensor<?x4x2xf32, #nn.shape<[2 * E, 4, 2]>>
}

// With gaps, or read afterwards, it is copied.
// CHECK-LABEL: func.func private @gaps
// CHECK: %[[A:[a-z0-9_]+]] = nn.alloc : <[E, 8] of f32>
// CHECK: nn.map({{.*}} into(%[[A]]
// CHECK: nn.copy %[[A]]
// CHECK-LABEL: func.func private @after
// CHECK: %[[A:[a-z0-9_]+]] = nn.alloc : <[E, 8] of f32>
// CHECK: nn.map({{.*}} into(%[[A]]
// CHECK: nn.copy %[[A]]
// CHECK: nn.map(%[[A]]
func.func private @gaps(%x: !e) -> tensor<?x16xf32, #nn.shape<[E, 16]>> attributes {nn.dims = ["E"]} {
  %a = nn.map (%x : !e) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !e
  %b = nn.map (%a : !e) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !e
  %all = nn.concat %a, %b {axis = 1 : i64} : (!e, !e) -> tensor<?x16xf32, #nn.shape<[E, 16]>>
  return %all : tensor<?x16xf32, #nn.shape<[E, 16]>>
}
func.func private @after(%x: !e) -> (tensor<?x8xf32, #nn.shape<[2 * E, 8]>>, !e) attributes {nn.dims = ["E"]} {
  %a = nn.map (%x : !e) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !e
  %all = nn.concat %a, %x {axis = 0 : i64} : (!e, !e) -> tensor<?x8xf32, #nn.shape<[2 * E, 8]>>
  %b = nn.map (%a : !e) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !e
  return %all, %b : tensor<?x8xf32, #nn.shape<[2 * E, 8]>>, !e
}
