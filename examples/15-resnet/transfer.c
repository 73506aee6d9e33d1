/* transfer RESNET.safetensors HEAD.safetensors IMAGES.csv EXPECTED.txt
 *
 * Reads the digits of every fifth line of the file: 0 to 6 by a network that was trained on them, 7 to 9 by the same
 * backbone with another head. The first scores of both must be those of EXPECTED.txt; exit status 1 if not. */
#include "resnet.h"

#include <math.h>
#include <stdio.h>

enum { SIDE = 32, SEEN = 7, MOST = 320, CHECKED = 20 };

/* Images of the two kinds: three colours of 32 x 32 pixels. */
static float image[2][MOST][3][SIDE][SIDE], score[MOST * SEEN];
static int label[2][MOST], count[2];

static int fail(const char *what) {
  fprintf(stderr, "transfer: %s\n", what);
  return 2;
}

static void read_images(FILE *file) {
  int pixel[64], digit;
  for (int line = 0;; ++line) {
    for (int i = 0; i < 64; ++i)
      if (fscanf(file, "%d,", &pixel[i]) != 1)
        return;
    if (fscanf(file, "%d", &digit) != 1)
      return;
    int kind = digit >= SEEN;
    if (line % 5 != 4 || count[kind] == MOST)
      continue;
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < SIDE; ++y)
        for (int x = 0; x < SIDE; ++x)
          image[kind][count[kind]][c][y][x] = (float)pixel[y / 4 * 8 + x / 4] / 16;
    label[kind][count[kind]++] = digit % SEEN;
  }
}

/* Says how many of a kind are right; 0 if the first scores are not the expected ones. */
static int judge(int kind, int classes, FILE *expected) {
  int right = 0, good = count[kind] >= CHECKED;
  double most = 0, value;
  for (int i = 0; i < count[kind]; ++i) {
    const float *row = score + i * classes;
    int best = 0;
    for (int c = 0; c < classes; ++c) {
      best = row[c] > row[best] ? c : best;
      if (i < CHECKED) {
        good = good && fscanf(expected, "%lf", &value) == 1;
        most = fmax(most, fabs(row[c] - value));
      }
    }
    right += best == label[kind][i];
  }
  good = good && most < 1e-4;
  printf("%s: %d of %d are right, %.1f %%; largest difference from torchvision below 1e-4: %s\n",
         kind ? "7 to 9" : "0 to 6", right, count[kind], 100.0 * right / count[kind], good ? "yes" : "no");
  return good;
}

int main(int argc, char **argv) {
  resnet *whole;
  resnet_context *whole_context;
  transfer *model;
  transfer_context *context;
  FILE *file = argc == 5 ? fopen(argv[3], "r") : NULL, *expected = argc == 5 ? fopen(argv[4], "r") : NULL;
  if (!file || !expected)
    return fail("usage: transfer RESNET.safetensors HEAD.safetensors IMAGES.csv EXPECTED.txt");
  read_images(file);
  fclose(file);

  if (resnet_create(&whole, 0) || transfer_create(&model, 0))
    return fail("this processor lacks what the models were compiled for");
  if (resnet_load(whole, argv[1]) || resnet_context_create(&whole_context, whole, 0))
    return fail(resnet_error(whole));
  /* One model, two files: each one's tensors go below a path. */
  if (transfer_load_part(model, "backbone", argv[1]) || transfer_load_part(model, "head", argv[2]) ||
      transfer_context_create(&context, model, 0))
    return fail(transfer_error(model));

  if (resnet_forward(whole_context, count[0], SIDE, SIDE, image[0][0][0][0], score))
    return fail(resnet_context_error(whole_context));
  int good = judge(0, SEEN, expected);
  if (transfer_forward(context, count[1], SIDE, SIDE, image[1][0][0][0], score))
    return fail(transfer_context_error(context));
  good &= judge(1, 10 - SEEN, expected);

  fclose(expected);
  resnet_context_destroy(whole_context);
  resnet_destroy(whole);
  transfer_context_destroy(context);
  transfer_destroy(model);
  return !good;
}
