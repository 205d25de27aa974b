package io.foothold.policy;

import java.util.List;

/** The transformer in plain double loops, one token after the other: the oracle of the script. */
final class NaiveTransformer {
    private final ModelConfig c;
    private final List<float[]> w;
    private final WeightLayout layout;

    NaiveTransformer(PolicyWeights weights) {
        this.c = weights.config();
        this.w = Shapes.slots(weights);
        this.layout = WeightLayout.of(c);
    }

    /** Logits at every position, shape [tokens][vocabulary]. */
    double[][] logits(int[] ids) {
        int d = c.width();
        double[][] x = new double[ids.length][d];
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < d; i++) {
                x[t][i] = w.get(0)[ids[t] * d + i];
            }
        }
        for (int l = 0; l < c.layers(); l++) {
            int b = 2 + l * layout.stride();
            int heads = c.heads();
            int kv = c.kvHeads();
            int hd = c.headDim();
            double[][][] qkv = new double[ids.length][][];
            for (int t = 0; t < ids.length; t++) {
                double[] h = norm(x[t], w.get(b), 0, d);
                double[] y = linear(h, w.get(b + 1));
                if (c.qkvBias()) {
                    for (int i = 0; i < y.length; i++) {
                        y[i] += w.get(b + layout.stride() - 1)[i];
                    }
                }
                qkv[t] = new double[heads + 2 * kv][];
                for (int j = 0; j < heads + 2 * kv; j++) {
                    double[] v = java.util.Arrays.copyOfRange(y, j * hd, (j + 1) * hd);
                    if (j < heads + kv) {
                        if (c.qkNorm()) {
                            v = norm(v, w.get(b + (j < heads ? 6 : 7)), 0, hd);
                        }
                        v = rotate(v, t);
                    }
                    qkv[t][j] = v;
                }
            }
            for (int t = ids.length - 1; t >= 0; t--) {
                double[] o = new double[heads * hd];
                for (int j = 0; j < heads; j++) {
                    int g = j / (heads / kv);
                    double[] p = new double[t + 1];
                    double max = Double.NEGATIVE_INFINITY;
                    for (int s = 0; s <= t; s++) {
                        p[s] = dot(qkv[t][j], qkv[s][heads + g]) / Math.sqrt(hd);
                        max = Math.max(max, p[s]);
                    }
                    double sum = 0;
                    for (int s = 0; s <= t; s++) {
                        p[s] = Math.exp(p[s] - max);
                        sum += p[s];
                    }
                    for (int s = 0; s <= t; s++) {
                        for (int i = 0; i < hd; i++) {
                            o[j * hd + i] += p[s] / sum * qkv[s][heads + kv + g][i];
                        }
                    }
                }
                add(x[t], linear(o, w.get(b + 2)));
                double[] gu = linear(norm(x[t], w.get(b + 3), 0, d), w.get(b + 4));
                double[] m = new double[c.feedForward()];
                for (int i = 0; i < m.length; i++) {
                    m[i] = gu[i] / (1 + Math.exp(-gu[i])) * gu[i + m.length];
                }
                add(x[t], linear(m, w.get(b + 5)));
            }
        }
        double[][] out = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            out[t] = linear(norm(x[t], w.get(1), 0, d), c.tied() ? w.get(0) : w.get(w.size() - 1));
        }
        return out;
    }

    static double logProb(double[] logits, int token) {
        double max = java.util.Arrays.stream(logits).max().orElseThrow();
        double sum = java.util.Arrays.stream(logits).map(v -> Math.exp(v - max)).sum();
        return logits[token] - max - Math.log(sum);
    }

    private double[] rotate(double[] v, int position) {
        int half = v.length / 2;
        float[] f = c.inverseFrequencies();
        double[] out = new double[v.length];
        for (int i = 0; i < half; i++) {
            double cos = Math.cos(position * f[i]);
            double sin = Math.sin(position * f[i]);
            out[i] = v[i] * cos - v[i + half] * sin;
            out[i + half] = v[i + half] * cos + v[i] * sin;
        }
        return out;
    }

    private double[] norm(double[] x, float[] weight, int from, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += x[from + i] * x[from + i];
        }
        double scale = 1 / Math.sqrt(sum / n + c.epsilon());
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = x[from + i] * scale * weight[i];
        }
        return out;
    }

    private static double[] linear(double[] x, float[] weight) {
        double[] out = new double[weight.length / x.length];
        for (int r = 0; r < out.length; r++) {
            for (int i = 0; i < x.length; i++) {
                out[r] += x[i] * weight[r * x.length + i];
            }
        }
        return out;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static void add(double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) {
            x[i] += y[i];
        }
    }
}
