// RUN: %nnc-opt %s --recognize-pair-sums --cse --merge-pair-sums --cse --verify-each --split-input-file | FileCheck %s

!x = tensor<2x?x8xf32, #nn.shape<[2, N, 8]>>
!n = tensor<2x?xf32, #nn.shape<[2, N]>>

// What attention gives back to keys and values: two sums over one domain, whose products are computed once. The factor
// of a row is its weight.
// CHECK-LABEL: func.func @by_keys
// CHECK: %[[TOP:.*]] = nn.broadcast %arg4 {axes = array<i64: 0, 2>} : {{.*}} -> tensor<2x?x?xf32, #nn.shape<[2, N, N]>>
// CHECK: %[[R:.*]]:2 = nn.pair_sums(%arg2, %arg1 : {{.*}}) to(%arg3, %arg0 : {{.*}}) values(%arg0, %arg3 : {{.*}}) extras(%[[TOP]]
// CHECK-SAME: where {
// CHECK: ^bb0(%{{.*}}: f32):
// CHECK-DAG: %[[J:.*]] = nn.index 1 -> i64
// CHECK-DAG: %[[I:.*]] = nn.index 2 -> i64
// CHECK: nn.ge %[[I]], %[[J]]
// CHECK: weights {
// CHECK: ^bb0(%[[T:.*]]: f32, %[[S:.*]]: f32, %[[L:.*]]: f32):
// CHECK: %[[X:.*]] = nn.sub %[[S]], %[[L]]
// CHECK: %[[P:.*]] = nn.exp %[[X]]
// CHECK-NOT: nn.exp
// CHECK: %[[D:.*]] = nn.mul %[[P]], %[[T]]
// CHECK-NOT: nn.exp
// CHECK: nn.yield %[[D]], %[[P]] : f32, f32
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @by_keys(%q: !x, %k: !x, %v: !x, %g: !x, %top: !n) -> (!x, !x) attributes {nn.dims = ["N"]} {
  %dk = nn.neighbourhood "sum" over free <[2]> targets <N> sources <N> captures(%q, %k, %v, %g, %top : !x, !x, !x, !x, !n) where {
  ^bb0(%h: tensor<i64>, %j: tensor<i64>, %i: tensor<i64>, %a: !x, %b: !x, %c: !x, %d: !x, %e: !n):
    %later = nn.ge %i, %j : (tensor<i64>, tensor<i64>) -> tensor<i1>
    nn.yield %later : tensor<i1>
  } body {
  ^bb0(%h: tensor<i64>, %j: tensor<i64>, %i: tensor<i64>, %a: !x, %b: !x, %c: !x, %d: !x, %e: !n):
    %query = nn.at %a[%h, %i] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %key = nn.at %b[%h, %j] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %value = nn.at %c[%h, %j] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %given = nn.at %d[%h, %i] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %l = nn.at %e[%h, %i] {axes = array<i64: 0, 1>} : !n[tensor<i64>, tensor<i64>] -> tensor<f32>
    %qk = nn.mul %query, %key : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %qk {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %less = nn.sub %s, %l : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %p = nn.exp %less : (tensor<f32>) -> tensor<f32>
    %gv = nn.mul %given, %value : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %t = nn.sum %gv {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %ds = nn.mul %p, %t : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %all = nn.broadcast %ds {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %r = nn.mul %all, %query : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %r : tensor<8xf32>
  } -> !x
  %dv = nn.neighbourhood "sum" over free <[2]> targets <N> sources <N> captures(%q, %k, %g, %top : !x, !x, !x, !n) where {
  ^bb0(%h: tensor<i64>, %j: tensor<i64>, %i: tensor<i64>, %a: !x, %b: !x, %d: !x, %e: !n):
    %later = nn.ge %i, %j : (tensor<i64>, tensor<i64>) -> tensor<i1>
    nn.yield %later : tensor<i1>
  } body {
  ^bb0(%h: tensor<i64>, %j: tensor<i64>, %i: tensor<i64>, %a: !x, %b: !x, %d: !x, %e: !n):
    %query = nn.at %a[%h, %i] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %key = nn.at %b[%h, %j] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %given = nn.at %d[%h, %i] {axes = array<i64: 0, 1>} : !x[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %l = nn.at %e[%h, %i] {axes = array<i64: 0, 1>} : !n[tensor<i64>, tensor<i64>] -> tensor<f32>
    %qk = nn.mul %query, %key : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %qk {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %less = nn.sub %s, %l : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %p = nn.exp %less : (tensor<f32>) -> tensor<f32>
    %all = nn.broadcast %p {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %r = nn.mul %given, %all : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %r : tensor<8xf32>
  } -> !x
  return %dk, %dv : !x, !x
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>

// Of what is read at the target only the weights are summed; its row is outside.
// CHECK-LABEL: func.func @centred
// CHECK: %[[R:.*]]:2 = nn.pair_sums(%arg0 : {{.*}}) to(%arg1 : {{.*}}) values(%arg1 : {{.*}}) where {
// CHECK: weights {
// CHECK: ^bb0(%[[S:.*]]: f32):
// CHECK: %[[MINUS:.*]] = nn.neg %[[S]]
// CHECK: nn.yield %[[S]], %[[MINUS]] : f32, f32
// CHECK: %[[WEIGHT:.*]] = nn.broadcast %[[R]]#1 {axes = array<i64: 0>}
// CHECK: %[[ROW:.*]] = nn.mul %[[WEIGHT]], %arg0
// CHECK: nn.add %[[R]]#0, %[[ROW]]
func.func @centred(%x: !x, %y: !x) -> !x attributes {nn.dims = ["N"]} {
  %r = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%x, %y : !x, !x) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: !x, %b: !x):
    %p = nn.at %a[%i] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %q = nn.at %b[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %pq = nn.mul %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %pq {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %all = nn.broadcast %s {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %away = nn.sub %q, %p : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %r = nn.mul %all, %away : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %r : tensor<8xf32>
  } -> !x
  return %r : !x
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>

// The second sum needs the first one: they stay two. Rows that are no multiple of a row that is read stay as they are.
// CHECK-LABEL: func.func @chain
// CHECK: %[[A:.*]] = nn.pair_sums(%arg0 : {{.*}}) to(%arg0 : {{.*}}) values(%arg0
// CHECK: nn.pair_sums(%arg0 : {{.*}}) to(%arg0 : {{.*}}) values(%[[A]]
// CHECK: nn.neighbourhood "sum"
func.func @chain(%x: !x) -> (!x, !x) attributes {nn.dims = ["N"]} {
  %r = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%x : !x) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: !x):
    %p = nn.at %a[%i] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %q = nn.at %a[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %pq = nn.mul %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %pq {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %all = nn.broadcast %s {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %r = nn.mul %all, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %r : tensor<8xf32>
  } -> !x
  %t = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%x, %r : !x, !x) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: !x, %b: !x):
    %p = nn.at %a[%i] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %q = nn.at %a[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %z = nn.at %b[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %pq = nn.mul %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = nn.sum %pq {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
    %all = nn.broadcast %s {axes = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %r2 = nn.mul %all, %z : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %r2 : tensor<8xf32>
  } -> !x
  %u = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%x : !x) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %a: !x):
    %p = nn.at %a[%i] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %q = nn.at %a[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %pq = nn.mul %p, %q : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    nn.yield %pq : tensor<8xf32>
  } -> !x
  %both = nn.add %t, %u : (!x, !x) -> !x
  return %r, %both : !x, !x
}
