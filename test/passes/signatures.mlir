// RUN: %nnc-opt %s --bufferize --workspace --signatures | FileCheck %s

nn.model "M" {c_name = "m", doc = ""}
nn.storage "table" of "M" : tensor<10x8xf32> {is_buffer = false, doc = ""}

// CHECK-LABEL: func.func @m.embed(
// CHECK-SAME: nn.has_check
// CHECK-SAME: nn.messages = ["`tokens` holds {value} at position {position}, must be in 0 .. 9", "N must be even"
// CHECK-LABEL: func.func @m.embed.run(
// CHECK: nn.call @m.embed
// CHECK-LABEL: func.func @m.embed.check(
// CHECK-LABEL: func.func private @m.embed.check.body(
// CHECK: scf.for
// CHECK-LABEL: func.func @m.embed.measure(
func.func @m.embed(%tokens: tensor<?xi64, #nn.shape<[N]>>) -> tensor<?x8xf32, #nn.shape<[N, 8]>>
    attributes {nn.dims = ["N"], nn.model = "M", nn.called_by_runtime, nn.entry = {name = "embed", function = "m_embed", doc = "",
      arguments = [{name = "N", kind = "dim"}, {name = "tokens", kind = "input"}, {name = "out", kind = "output"}]}} {
  nn.require "divides" <N>, <2> "N must be even"
  %t = nn.parameter "table" : tensor<10x8xf32>
  %y = nn.gather %t[%tokens] {axis = 0 : i64} : tensor<10x8xf32>[tensor<?xi64, #nn.shape<[N]>>] -> tensor<?x8xf32, #nn.shape<[N, 8]>>
  return %y : tensor<?x8xf32, #nn.shape<[N, 8]>>
}
