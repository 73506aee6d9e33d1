// RUN: %nnc-opt %s --pack=cpu=x86-64-v4 --split-input-file | FileCheck %s

// How wide panels are: vectors of 16. Few columns have no more than they fill.
// CHECK-LABEL: func.func @few
// CHECK: panel = 16
func.func @few(%x: tensor<8x32xf32>, %y: tensor<32x10xf32>) -> tensor<8x10xf32> attributes {nn.dims = [], nn.model = "M"} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x10xf32> -> tensor<8x10xf32>
  return %z : tensor<8x10xf32>
}

// -----

// Four vectors where there is no reason for less: the last panel uses three of them.
// CHECK-LABEL: func.func @hundred
// CHECK: panel = 64
func.func @hundred(%x: tensor<8x32xf32>, %y: tensor<32x100xf32>) -> tensor<8x100xf32> attributes {nn.dims = [], nn.model = "M"} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x100xf32> -> tensor<8x100xf32>
  return %z : tensor<8x100xf32>
}

// -----

// 3 + 2 vectors, not 4 + 1: one vector alone is slow.
// CHECK-LABEL: func.func @eighty
// CHECK: panel = 48
func.func @eighty(%x: tensor<8x32xf32>, %y: tensor<32x80xf32>) -> tensor<8x80xf32> attributes {nn.dims = [], nn.model = "M"} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x80xf32> -> tensor<8x80xf32>
  return %z : tensor<8x80xf32>
}

// -----

// A number that is not known: two; four if rows of lhs are strided.
// CHECK-LABEL: func.func @unknown
// CHECK: panel = 32
// CHECK: panel = 64
func.func @unknown(%x: tensor<8x32xf32>, %t: tensor<32x8xf32>, %y: tensor<32x?xf32, #nn.shape<[32, N]>>)
    -> (tensor<8x?xf32, #nn.shape<[8, N]>>, tensor<8x?xf32, #nn.shape<[8, N]>>) attributes {nn.dims = ["N"], nn.model = "M"} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x?xf32, #nn.shape<[32, N]>> -> tensor<8x?xf32, #nn.shape<[8, N]>>
  %l = nn.transpose %t {permutation = array<i64: 1, 0>} : (tensor<32x8xf32>) -> tensor<8x32xf32>
  %s = nn.contract %l, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x?xf32, #nn.shape<[32, N]>> -> tensor<8x?xf32, #nn.shape<[8, N]>>
  return %z, %s : tensor<8x?xf32, #nn.shape<[8, N]>>, tensor<8x?xf32, #nn.shape<[8, N]>>
}

// -----

// One column alone is packed as it is: vectors run along k. Not so if they would have to be gathered.
// CHECK-LABEL: func.func @column
// CHECK: panel = 1 :
// CHECK: panel = 16
func.func @column(%x: tensor<8x32xf32>, %t: tensor<32x8xf32>, %y: tensor<32x1xf32>) -> (tensor<8x1xf32>, tensor<8x1xf32>)
    attributes {nn.dims = [], nn.model = "M"} {
  %z = nn.contract %x, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x1xf32> -> tensor<8x1xf32>
  %l = nn.transpose %t {permutation = array<i64: 1, 0>} : (tensor<32x8xf32>) -> tensor<8x32xf32>
  %s = nn.contract %l, %y {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64}
    : tensor<8x32xf32>, tensor<32x1xf32> -> tensor<8x1xf32>
  return %z, %s : tensor<8x1xf32>, tensor<8x1xf32>
}
