/* read WEIGHTS.safetensors IMAGES.csv EXPECTED.txt
 *
 * Reads the digits that training has not seen (every fifth line of the file): as images of 8 x 8, and on sheets of
 * 16 x 12. The scores of the first ones must be those of EXPECTED.txt; exit status 1 if not, or if fewer than 97 % are
 * right. */
#include "convolution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES = 10, MOST = 400, SIDE = 8, HEIGHT = 16, WIDTH = 12, CHECKED = 8 };

static float image[MOST][SIDE][SIDE], sheet[MOST][HEIGHT][WIDTH], score[MOST][CLASSES];
static int label[MOST];

static int fail(const char *what) {
  fprintf(stderr, "read: %s\n", what);
  return 2;
}

/* Every fifth line; the number of images. */
static int read_images(FILE *file) {
  int count = 0, value;
  for (int line = 0; count < MOST; ++line) {
    for (int i = 0; i < SIDE * SIDE; ++i) {
      if (fscanf(file, "%d,", &value) != 1)
        return count;
      image[count][i / SIDE][i % SIDE] = (float)value / 16;
    }
    if (fscanf(file, "%d", &label[count]) != 1)
      return count;
    count += line % 5 == 4;
  }
  return count;
}

/* Says how many are right; 0 if there are too few or the first scores are not the expected ones. */
static int judge(const char *name, int count, FILE *expected) {
  int right = 0, good = 1;
  double most = 0, value;
  for (int i = 0; i < count; ++i) {
    int best = 0;
    for (int c = 0; c < CLASSES; ++c) {
      best = score[i][c] > score[i][best] ? c : best;
      if (i < CHECKED) {
        good = good && fscanf(expected, "%lf", &value) == 1;
        most = fmax(most, fabs(score[i][c] - value));
      }
    }
    right += best == label[i];
  }
  good = good && most < 1e-4;
  printf("%s: %d of %d are right, %.1f %%; largest difference from PyTorch below 1e-4: %s\n", name, right, count,
         100.0 * right / count, good ? "yes" : "no");
  return good && right * 100 >= count * 97;
}

int main(int argc, char **argv) {
  convolution *model;
  convolution_context *context;
  FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL, *expected = argc == 4 ? fopen(argv[3], "r") : NULL;
  int count, good;
  if (!file || !expected)
    return fail("usage: read WEIGHTS.safetensors IMAGES.csv EXPECTED.txt");
  if ((count = read_images(file)) < CHECKED)
    return fail("there are too few images");
  fclose(file);
  for (int i = 0; i < count; ++i)
    for (int row = 0; row < SIDE; ++row)
      memcpy(&sheet[i][row + i * 3 % 9][i * 7 % 5], image[i][row], sizeof image[i][row]);

  if (convolution_create(&model, 0))
    return fail("this processor lacks what the model was compiled for");
  if (convolution_load(model, argv[1]) || convolution_context_create(&context, model, 0))
    return fail(convolution_error(model));

  /* One library for both sizes: H and W are known at the call. */
  if (convolution_forward(context, count, SIDE, SIDE, image[0][0], score[0]))
    return fail(convolution_context_error(context));
  good = judge("8 x 8", count, expected);
  if (convolution_forward(context, count, HEIGHT, WIDTH, sheet[0][0], score[0]))
    return fail(convolution_context_error(context));
  good &= judge("sheets of 16 x 12", count, expected);

  fclose(expected);
  convolution_context_destroy(context);
  convolution_destroy(model);
  return !good;
}
