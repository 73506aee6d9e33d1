/* nnc.h - what every model compiled by nnc shares.
 *
 * The text of this file stands at the top of each generated header, so a model's header needs no other file.
 * Valid C99 and C++. Several models' headers may be included together. */
#ifndef NNC_H
#define NNC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Result of every call that can fail. A failing call leaves outputs and the model as they were and says why in
 * `<model>_error` (calls on a model) or `<model>_context_error` (calls on a context). */
typedef int nn_status;
enum {
  NN_OK = 0,
  NN_INVALID = 1, /* an argument, a shape or a value is out of its range */
  NN_FILE = 2,    /* a file can not be read or written, or its content is not valid */
  NN_MEMORY = 3,  /* not enough memory */
  NN_CPU = 4,     /* the library was built for a processor with features that this one lacks */
  NN_VERSION = 5, /* the file or the library belongs to another version */
  NN_NUMERIC = 6  /* the loss is not finite; loss and metrics are written, nothing else has changed */
};

/* What a status means, in a few words; never NULL. */
const char *nn_status_text(nn_status status);

/* Element types of tensors in memory. `bool` is one byte, nonzero means true; f16 and bf16 travel as uint16_t. */
typedef enum nn_type {
  NN_F64 = 0,
  NN_F32 = 1,
  NN_F16 = 2,
  NN_BF16 = 3,
  NN_I64 = 4,
  NN_I32 = 5,
  NN_I8 = 6,
  NN_BOOL = 7
} nn_type;

/* One parameter or buffer of a model. `shape` lives as long as the library, `path` as long as the model. */
typedef struct nn_parameter_info {
  const char *path; /* its key in a .safetensors file: "fc1.weight" */
  const int64_t *shape;
  int32_t rank;
  nn_type type;
  int32_t is_buffer; /* 1: saved but not trained */
} nn_parameter_info;

/* A graph, checked and sorted once; immutable, may be shared by threads and models. */
typedef struct nn_graph nn_graph;

/* Makes a graph of `edges` edges, edge i from source[i] to target[i]; sources and targets are counted from 0 (for a
 * graph on one set of nodes both counts are the number of nodes). Copies what it needs. Every count is below 2^31.
 * NN_INVALID: a count or a pointer is not valid or an index is out of its range; NN_MEMORY. */
nn_status nn_graph_create(nn_graph **graph, int64_t sources, int64_t targets, int64_t edges, const int64_t *source,
                          const int64_t *target);
void nn_graph_destroy(nn_graph *graph); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif /* NNC_H */
