#include "runtime/include/nnc.h"

extern "C" __attribute__((visibility("default"))) const char *nn_status_text(nn_status status) {
  switch (status) {
  case NN_OK:
    return "success";
  case NN_INVALID:
    return "an argument, a shape or a value is out of its range";
  case NN_FILE:
    return "a file can not be read or written, or its content is not valid";
  case NN_MEMORY:
    return "not enough memory";
  case NN_CPU:
    return "the library was built for a processor with features that this one lacks";
  case NN_VERSION:
    return "the file or the library belongs to another version";
  case NN_NUMERIC:
    return "the loss is not finite";
  default:
    return "not a status of nnc";
  }
}
