/* measure NAME WEIGHTS.safetensors TEXT.txt EXPECTED.txt
 *
 * Says how large the network is and how many bits it needs for each byte of a text that training has not seen,
 * and compares those of the first piece with PyTorch's, in the line of EXPECTED.txt that begins with NAME. Exit status
 * 1 if they differ. The same program serves every network that hybrid.nn can be. */
#include "hybrid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 128, PIECES = 32 };

static int64_t text[PIECES][PIECE];
static float bits[PIECES][PIECE - 1];

static int fail(const char *what) {
  fprintf(stderr, "measure: %s\n", what);
  return 1;
}

static int read_text(const char *path) {
  FILE *file = fopen(path, "r");
  int count = 0, byte;
  if (!file)
    return 0;
  for (; count < PIECES * PIECE && (byte = getc(file)) != EOF; ++count)
    text[count / PIECE][count % PIECE] = byte;
  fclose(file);
  return count;
}

/* The largest difference between the bits of the first piece and the file's; infinite if they are not there. */
static double difference_from(const char *path, const char *name) {
  FILE *file = fopen(path, "r");
  char first[32] = "";
  double most = 0, value;
  int count = 0;
  if (!file)
    return INFINITY;
  while (strcmp(first, name) && fscanf(file, "%31s", first) == 1)
    ;
  for (; count < PIECE - 1 && fscanf(file, "%lf", &value) == 1; ++count)
    most = fmax(most, fabs(value - bits[0][count]));
  fclose(file);
  return count == PIECE - 1 ? most : INFINITY;
}

int main(int argc, char **argv) {
  hybrid *model;
  hybrid_context *context;
  int64_t parameters = 0;
  double sum = 0;
  if (argc != 5)
    return fail("usage: measure NAME WEIGHTS.safetensors TEXT.txt EXPECTED.txt");
  if (read_text(argv[3]) != PIECES * PIECE)
    return fail("the text can not be read, or is too short");

  if (hybrid_create(&model, 0) != NN_OK)
    return fail("the model can not be created");
  if (hybrid_load(model, argv[2]) != NN_OK || hybrid_context_create(&context, model, 0) != NN_OK)
    return fail(hybrid_error(model));
  for (int64_t i = 0; i < hybrid_parameter_count(model); ++i) {
    nn_parameter_info info;
    if (hybrid_parameter_info(model, i, &info) != NN_OK)
      return fail(hybrid_error(model));
    int64_t size = 1;
    for (int axis = 0; axis < info.rank; ++axis)
      size *= info.shape[axis];
    parameters += size;
  }
  if (hybrid_bits(context, PIECES, PIECE, text[0], bits[0]) != NN_OK)
    return fail(hybrid_context_error(context));
  hybrid_context_destroy(context);
  hybrid_destroy(model);

  for (int i = 0; i < PIECES; ++i)
    for (int k = 0; k < PIECE - 1; ++k)
      sum += bits[i][k];
  int same = difference_from(argv[4], argv[1]) < 1e-4;
  printf("%-12s  %lld parameters  %.2f bits per byte  as PyTorch, within 0.0001: %s\n", argv[1], (long long)parameters,
         sum / (PIECES * (PIECE - 1)), same ? "yes" : "no");
  return !same;
}
