// What generated code and the runtime agree on. The compiler fills these tables as constants of the library
// (compiler/emit/Descriptor.cpp), the runtime walks them. Only plain C types: the layout is the contract.
#ifndef NNC_RUNTIME_ABI_H
#define NNC_RUNTIME_ABI_H

#include "runtime/include/nnc.h"

#include <stddef.h>
#include <stdint.h>

#define NNRT_ABI_VERSION 1
#define NNRT_GRAPH_VERSION 1

extern "C" {

/// Threads of one entry call. The first fields are read by generated code; their offsets never change.
struct nnrt_team {
  int32_t size;    ///< number of threads, 1 ..
  int32_t failed;  ///< set by nnrt_report
  uint64_t seed;   ///< of the model (initialisers, train steps) or of the context (everything else)
  uint64_t calls;  ///< entry calls on this context so far (train steps: on this model): part of every random draw's key
  int32_t numeric; ///< set by nnrt_numeric
  int32_t reserved;
};

/// An argument of an entry, in the order of the C function.
enum nnrt_argument_kind : int8_t {
  NNRT_DIM = 0,    ///< a free size: int64_t
  NNRT_SCALAR = 1, ///< an input of rank 0, by value in C, by address in m_call
  NNRT_INPUT = 2,  ///< an input tensor
  NNRT_OUTPUT = 3, ///< an output, always by address
  NNRT_GRAPH = 4   ///< const nn_graph *
};

struct nnrt_argument {
  const char *name;
  const char *shape; ///< for messages: "[B, 64]"
  int8_t kind;       ///< nnrt_argument_kind
  int8_t type;       ///< nn_type
  int8_t rank;
  int8_t optional; ///< may be NULL
};

/// One compiled entry, or the initialiser of a parameter (no sizes, one output), or a packing (no arguments at all).
/// `dims` holds all sizes: the NNRT_DIM arguments, which stand first; of each graph its sources, targets and edges;
/// then sizes of the context's states. It may be NULL if there are none. `arguments` is the caller's vector, in the
/// order of the table above, sizes included (a size stands there as a pointer to int64_t).
struct nnrt_entry {
  const char *name;
  const nnrt_argument *arguments;
  int32_t argument_count;
  int32_t dim_count; ///< arguments of kind NNRT_DIM; they stand first
  /// Messages by code for `measure`, `check` and nnrt_report; code 0 is success, code c > 0 means messages[c - 1].
  /// A message is a sentence about the arguments without the entry's name: "`tokens` holds {value} at position
  /// {position}, must be in 0 .. 9". {B} stands for the value of size B. A message of `measure` without any {..} gets
  /// all sizes appended, one of the others position and value.
  const char *const *messages;
  /// Sizes in bytes of every argument (0 for sizes), of the frame for a team of up to `threads`, and the work in FLOP
  /// that threads may share. Returns a message code: sizes whose product is too large or that break a condition of the
  /// program. The runtime has seen to 0 <= size < 2^47.
  int32_t (*measure)(const int64_t *dims, int32_t threads, int64_t *bytes, int64_t *frame, int64_t *work);
  /// Looks at values of inputs before anything is written (indices in range). `where` gets (position, value).
  /// NULL if there is nothing to look at. Returns a message code.
  int32_t (*check)(const int64_t *dims, void *const *arguments, int64_t *where);
  /// The kernels; called by every thread of the team with its number.
  /// `states` are the context's, in the order of the model's table.
  void (*run)(nnrt_team *team, int32_t tid, const int64_t *dims, void *const *arguments, char *parameters, char *packed,
              void *const *states, char *frame);
  int32_t write_count;   ///< parameters and buffers that it writes; if any, the call needs the model exclusively
  int32_t pack_count;    ///< packed copies that it reads
  const int32_t *writes; ///< indices into nnrt_model::parameters
  const int32_t *packs;  ///< indices into nnrt_model::packs
  const char *const *size_names; ///< of the sizes in `dims` that are no arguments, for messages
  const int32_t *state_sizes;    ///< the sizes of states that stand in `dims`: indices into nnrt_model::state_sizes
  int32_t state_size_count;
  /// A train step: seed and `calls` of its team are the model's, so that it goes on from a checkpoint on any context.
  int32_t is_train;
};

/// A first value that is one draw, scaled and shifted: it needs no code of its own.
struct nnrt_draw {
  /// Writes all elements of one copy in the parameter's type. One of the functions nnrt_draw_.. below.
  void (*run)(const nnrt_draw *, uint64_t seed, int64_t copy, int64_t count, nn_type type, void *to);
  int64_t place; ///< numbers the draw in the program
  double scale, shift;
  double low, high; ///< of trunc_normal: bounds of the draw before it is scaled
};

/// A parameter or buffer. A repeated layer's copies are stacked: `copies` slices, each of `shape`; in the path of one
/// its numbers stand in place of the '#'s.
/// What a train step keeps stands behind all others, in the table and in the slab, and is known to checkpoints alone:
/// no part of files, get, set or parameter_info. The paths of the step "train_step": "train_step/step", i64, counts its
/// updates; "train_step/calls", i64, the calls that gradients are summed up over; "train_step/<state>/<path>" is a
/// state of the optimizer for a parameter ("state.average" for one of that name); so are "train_step/gradient/<path>",
/// the sum so far, and "train_step/average/<path>", f32 (f64 for f64), which means nothing before the first update.
struct nnrt_parameter {
  const char *path;
  const int64_t *shape;          ///< of one copy
  int64_t copies;                ///< 1 if not repeated (then '#' does not occur in path)
  const int64_t *repeats;        ///< (first number, how many) for each '#', the outermost repeat first
  int64_t offset;                ///< of copy 0 in the parameter slab, a multiple of 64
  int64_t bytes;                 ///< of one copy; copies follow each other without a gap
  const nnrt_entry *initialiser; ///< computes all copies into arguments[0]
  const nnrt_draw *draw;         ///< instead of it; both NULL: must be loaded or set
  int8_t type;                   ///< nn_type
  int8_t rank;
  int8_t is_buffer;
  const char *train; ///< the train step that keeps it; NULL: the model's own
};

/// A derived copy of a parameter in the layout that kernels read. A copy of several parameters is several of these in a
/// row, of one place and one function.
struct nnrt_pack {
  int32_t parameter; ///< index into nnrt_model::parameters
  int32_t reserved;
  int64_t offset; ///< in the packed slab, a multiple of 64
  int64_t bytes;
  const nnrt_entry *run; ///< reads `parameters`, writes `packed`; no arguments
};

/// A state of every context.
struct nnrt_state {
  const char *path;
  const nnrt_entry *initialiser; ///< its value after creation and reset; its sizes are arguments, the value the output
  const int32_t *sizes;          ///< what each of these sizes is: indices into nnrt_model::state_sizes
};

struct nnrt_model {
  uint32_t size;            ///< sizeof(nnrt_model)
  uint32_t version;         ///< NNRT_ABI_VERSION
  const char *name;         ///< C name, "digits"
  const char *cpu;          ///< for messages: "x86-64-v4"
  const uint64_t *features; ///< required processor features: one word with the bits of runtime/CpuFeatures.h
  const char *manifest;     ///< JSON, NUL-terminated
  const nnrt_parameter *parameters;
  const nnrt_entry *entries;
  const nnrt_pack *packs;
  int32_t parameter_count, entry_count, pack_count, reserved;
  int64_t parameter_bytes, packed_bytes; ///< of the two slabs
  const nnrt_state *states;
  const char *const *state_sizes; ///< names of the sizes that a context is made for
  int32_t state_count, state_size_count;
};

/// The two orders of a graph's edges, as kernels read them. Slots of one target (source) keep the caller's order.
struct nn_graph {
  uint32_t size;    ///< sizeof(nn_graph)
  uint32_t version; ///< NNRT_GRAPH_VERSION
  int32_t sources, targets, edges, reserved;
  const int32_t *source, *target; ///< [edges], in the caller's order
  // By target (CSR): the edges into v are the slots in_start[v] .. in_start[v + 1] - 1.
  const int32_t *in_start;  ///< [targets + 1]
  const int32_t *in_source; ///< [edges] source of the slot's edge
  const int32_t *in_edge;   ///< [edges] its number in the caller's order
  const int32_t *in_degree; ///< [targets]
  // By source (CSC).
  const int32_t *out_start;  ///< [sources + 1]
  const int32_t *out_target; ///< [edges]
  const int32_t *out_edge;   ///< [edges]
  const int32_t *out_degree; ///< [sources]
};

// ---- called by the generated C functions; `model` and `context` are the user's opaque pointers ----------------------
nn_status nnrt_create(const nnrt_model *, void **model, uint64_t seed);
void nnrt_destroy(void *model);
nn_status nnrt_load(void *model, const char *path);
nn_status nnrt_load_part(void *model, const char *prefix, const char *path);
nn_status nnrt_save(void *model, const char *path);
/// Everything that training goes on from: parameters, buffers, what train steps keep, the seed and count of their
/// calls.
nn_status nnrt_checkpoint(void *model, const char *path);
nn_status nnrt_resume(void *model, const char *path);
/// `on`: parameters have the values of their averages; not `on`: their own again.
nn_status nnrt_use_average(void *model, int32_t on);
nn_status nnrt_get(void *model, const char *path, void *data, nn_type type, const int64_t *shape, int32_t rank);
nn_status nnrt_set(void *model, const char *path, const void *data, nn_type type, const int64_t *shape, int32_t rank);
int64_t nnrt_parameter_count(const void *model);
nn_status nnrt_parameter_info(void *model, int64_t index, nn_parameter_info *);
const char *nnrt_error(const void *model);
/// `sizes`: of the states, one for each name in nnrt_model::state_sizes; may be NULL if there is none.
nn_status nnrt_context_create(void **context, void *model, const int64_t *sizes, uint64_t seed);
void nnrt_context_destroy(void *context);
nn_status nnrt_reset(void *context);
nn_status nnrt_context_set_threads(void *context, int32_t threads);
const char *nnrt_context_error(const void *context);
nn_status nnrt_call(void *context, int32_t entry, void *const *arguments);
nn_status nnrt_call_by_name(void *context, const char *entry, void *const *arguments);

// ---- called by kernels ----------------------------------------------------------------------------------------------
/// All threads of the team wait for each other. Returns at once for a team of one.
void nnrt_barrier(nnrt_team *, int32_t tid);
/// A value computed inside an entry is out of its range: remembers the smallest (code, position). The call then
/// fails with messages[code - 1].
void nnrt_report(nnrt_team *, int32_t tid, int32_t code, int64_t position);
/// The loss is not finite: the call ends with NN_NUMERIC. Called by one thread, whose kernels see to it that loss and
/// metrics are all that the call writes.
void nnrt_numeric(nnrt_team *, int32_t tid);
// Values of nnrt_draw::run; the draw is 0, uniform in [0, 1), standard normal, standard normal within bounds.
void nnrt_draw_constant(const nnrt_draw *, uint64_t seed, int64_t copy, int64_t count, nn_type, void *to);
void nnrt_draw_uniform(const nnrt_draw *, uint64_t seed, int64_t copy, int64_t count, nn_type, void *to);
void nnrt_draw_normal(const nnrt_draw *, uint64_t seed, int64_t copy, int64_t count, nn_type, void *to);
void nnrt_draw_trunc_normal(const nnrt_draw *, uint64_t seed, int64_t copy, int64_t count, nn_type, void *to);
/// q: the rows of x, made orthogonal to those before and of length 1 (rows <= columns).
void nnrt_orthonormalize(const double *x, double *q, int64_t rows, int64_t columns);
/// The first `count` elements of a row of `size` in order, and their positions. Equal elements keep their order, NaN is
/// the largest. Strides count elements. `room`: 2 * size numbers, or NULL: then count <= 32.
void nnrt_order(int32_t type, int32_t descending, const void *x, int64_t stride, void *values, int64_t values_stride,
                int64_t *positions, int64_t positions_stride, int64_t size, int64_t count, uint64_t *room);
}
#endif // NNC_RUNTIME_ABI_H
