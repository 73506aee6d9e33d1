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

/* One parameter or buffer of a model. `shape` and `path` live as long as the library. */
typedef struct nn_parameter_info {
  const char *path; /* its key in a .safetensors file: "fc1.weight" */
  const int64_t *shape;
  int32_t rank;
  nn_type type;
  int32_t is_buffer; /* 1: saved but not trained */
} nn_parameter_info;

/* A graph, checked and sorted once; immutable, may be shared by threads and models. */
typedef struct nn_graph nn_graph;

#ifdef __cplusplus
}
#endif
#endif /* NNC_H */
