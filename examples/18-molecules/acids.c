/* acids WEIGHTS.safetensors MOLECULES.txt
 *
 * Tells which molecules hold an acid group: all of them in one call, in batches of 16, and one by one. Exit status 1 if
 * the three differ, or differ from PyTorch. */
#include "molecules.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 256, LINE = 1024, ATOMS = 32 * MOST, EDGES = LINE / 2 * MOST };

static int64_t element[ATOMS], molecule[ATOMS], source[EDGES], target[EDGES], bond[EDGES];
static int first_atom[MOST + 1], first_edge[MOST + 1], acid[MOST];
static float all[MOST], some[MOST], expected[MOST];

static int fail(const char *what) {
  fprintf(stderr, "acids: %s\n", what);
  return 2;
}

/* Each line is one molecule: `1 15.4 COO 0=1 0-2` (is it an acid, PyTorch's score, elements, bonds). How many, or 0. */
static int read_molecules(const char *path) {
  static char line[LINE];
  FILE *file = fopen(path, "r");
  int count = 0, atoms = 0, edges = 0, valid = 1, used, from, to;
  char names[33], kind;
  if (!file)
    return 0;
  while (count < MOST && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%d %f %32s%n", &acid[count], &expected[count], names, &used) != 3)
      break;
    for (const char *n = names; *n; ++n, ++atoms) {
      element[atoms] = *n == 'C' ? 0 : *n == 'N' ? 1 : 2;
      molecule[atoms] = count;
    }
    for (const char *b = line + used; sscanf(b, "%d%c%d%n", &from, &kind, &to, &used) == 3; b += used, edges += 2) {
      source[edges] = target[edges + 1] = first_atom[count] + from;
      target[edges] = source[edges + 1] = first_atom[count] + to;
      bond[edges] = bond[edges + 1] = kind == '=';
      valid &= from >= 0 && first_atom[count] + from < atoms && to >= 0 && first_atom[count] + to < atoms;
    }
    first_atom[++count] = atoms;
    first_edge[count] = edges;
  }
  fclose(file);
  return valid ? count : 0;
}

/* A batch is one graph: its atoms are counted through, and a second graph points each at its molecule. */
static int classify(molecules_context *context, int first, int count, float *scores) {
  static int64_t from[EDGES], to[EDGES], atom[ATOMS], member[ATOMS];
  nn_graph *bonds = NULL, *members = NULL;
  int base = first_atom[first], atoms = first_atom[first + count] - base;
  int edge = first_edge[first], edges = first_edge[first + count] - edge;
  for (int a = 0; a < atoms; ++a) {
    atom[a] = a;
    member[a] = molecule[base + a] - first;
  }
  for (int e = 0; e < edges; ++e) {
    from[e] = source[edge + e] - base;
    to[e] = target[edge + e] - base;
  }
  int made = nn_graph_create(&bonds, atoms, atoms, edges, from, to) == NN_OK &&
             nn_graph_create(&members, atoms, count, atoms, atom, member) == NN_OK;
  int done = made && molecules_forward(context, element + base, bonds, bond + edge, members, scores) == NN_OK;
  if (!done)
    fail(made ? molecules_context_error(context) : "no memory for a graph");
  nn_graph_destroy(members);
  nn_graph_destroy(bonds);
  return done;
}

static double difference(const float *x, const float *y, int count) {
  double most = 0;
  for (int i = 0; i < count; ++i)
    most = fmax(most, fabs((double)x[i] - y[i]));
  return most;
}

int main(int argc, char **argv) {
  molecules *model;
  molecules_context *context;
  if (argc != 3)
    return fail("usage: acids WEIGHTS.safetensors MOLECULES.txt");
  int right = 0, same = 1, count = read_molecules(argv[2]);
  if (!count || molecules_create(&model, 0) != NN_OK)
    return fail("the molecules can not be read, or the model not be created");
  if (molecules_load(model, argv[1]) != NN_OK || molecules_context_create(&context, model, 0) != NN_OK)
    return fail(molecules_error(model));

  if (!classify(context, 0, count, all))
    return 2;
  for (int m = 0; m < count; ++m)
    right += (all[m] > 0) == acid[m];
  printf("%d of %d molecules are right\n", right, count);
  for (int size = 16; size; size = size == 16) {
    for (int m = 0; m < count; m += size)
      if (!classify(context, m, m + size < count ? size : count - m, some + m))
        return 2;
    double most = difference(all, some, count);
    printf("in batches of %d: %s\n", size, most < 1e-5 ? "the same scores" : "other scores");
    same &= most < 1e-5;
  }
  double most = difference(all, expected, count);
  printf("the largest difference from PyTorch is %s\n", most < 1e-4 ? "below 1e-4" : "too large");
  molecules_context_destroy(context);
  molecules_destroy(model);
  return same && most < 1e-4 ? 0 : 1;
}
