using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Layers;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Verification.Concepts;
using Shape = Lur.Programs.Shape;

namespace Lur.Verification.Generation;

/// <summary>Images that a model has drawn.</summary>
/// <param name="Labels">Label each was asked for with.</param>
/// <param name="Pixels">Bytes of the pictures, [n, C, H, W].</param>
/// <param name="ScoreDistances">For each image the mean over the steps of the root mean square of eps(x_t, c) - eps(x_t, null): how far
/// the label moves the score; 0 where it moves nothing. NaN for a model without a row for no class.</param>
internal sealed record GeneratedSet(int[] Labels, byte[] Pixels, double[] ScoreDistances)
{
    /// <summary>What was drawn as a network sees it, float32 [n, C, H, W], where these are latents and the pictures decoded ones; null for
    /// pictures alone.</summary>
    public float[]? Latents { get; init; }

    /// <summary>Bytes of the samples as data sets hold them.</summary>
    public byte[] Samples => Latents is null ? Pixels : [.. MemoryMarshal.AsBytes(Latents.AsSpan())];
}

/// <summary>Draws images of a class-conditional diffusion model with DDIM. The k-th image is a function of the weights, the seed, k and
/// its label, whatever batch it is drawn in.</summary>
internal sealed class GeneratedImages : IDisposable
{
    private readonly Model _model;
    private readonly UNetSpec _spec;
    private readonly DiffusionNoise _noise;
    private readonly SamplerSchedule _schedule;
    private readonly Program _program;
    private readonly SamplerStep _sampler;
    private readonly RunInput<int> _classes;
    private readonly Value _output;
    private readonly SamplingPlan _plan;

    /// <summary>Plans the step.</summary>
    /// <param name="model">The model; its current weights are used at every call.</param>
    /// <param name="plan">How it draws.</param>
    /// <exception cref="UserErrorException">The model draws no classes, or the steps do not fit its noise.</exception>
    public GeneratedImages(Model model, SamplingPlan plan)
    {
        (_model, _plan) = (model, plan);
        _spec = Conditional(model);
        _noise = DiffusionNoise.Of(model);
        _schedule = SamplerSchedule.Of(SamplerKind.Ddim, _noise.Config, plan.Steps);
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        var (h, w, c) = (model.Network.Height, model.Network.Width, model.Network.Channels);
        _sampler = new SamplerStep(
            p,
            "generate",
            _schedule,
            new Shape(plan.BatchSize, h, w, c),
            plan.Seed,
            _spec.NullRow ? plan.Guidance : null
        );
        _classes = p.Input<int>("generate/classes", new Shape(_sampler.Batch));
        var pass = new NetworkPass(p, "generate", _sampler.Batch, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
            Inference = true,
        };
        _output = Program.Keep(
            model.Network.Forward(
                pass,
                (NetworkInput.Images, _sampler.Input),
                (UNetInputs.Time, _sampler.Timesteps),
                (UNetInputs.Class, _classes.Device)
            )
        );
        _sampler.Emit(_output);
    }

    /// <summary>The spec of a model that draws images of classes.</summary>
    /// <exception cref="UserErrorException">It does not.</exception>
    public static UNetSpec Conditional(Model model) =>
        model.Spec is UNetSpec { Condition: not ClassCondition.None } spec
            ? spec
            : throw new UserErrorException(
                $"{model.Architecture} is not told which class to draw, so that no class of it can be judged; give a "
                    + "class-conditional model."
            );

    /// <summary>Draws an image for each label; the number of an image is its place in the list.</summary>
    public GeneratedSet Draw(ReadOnlySpan<int> labels, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var set = Empty(labels);
        for (var start = 0; start < labels.Length; start += _plan.BatchSize)
        {
            SetLabels(labels[start..]);
            _sampler.First = (ulong)start;
            _sampler.Start();
            Run(set, start, 0, cancel);
            progress?.Invoke(Math.Min(labels.Length, start + _plan.BatchSize));
        }

        return set;
    }

    /// <summary>Adds noise to images up to a time step, and draws on from there under a label.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Images.</param>
    /// <param name="label">The label.</param>
    /// <param name="share">Share of the noise's time steps: the sampler begins with its first time step that is not beyond it.</param>
    /// <param name="cancel">Stops between steps.</param>
    public GeneratedSet Redraw(IImageDataset data, ReadOnlySpan<int> indices, int label, double share, CancellationToken cancel)
    {
        var labels = new int[indices.Length];
        Array.Fill(labels, label);
        return Redraw(data, indices, labels, share, cancel);
    }

    /// <summary>The same, each under a label of its own.</summary>
    public GeneratedSet Redraw(IImageDataset data, ReadOnlySpan<int> indices, int[] labels, double share, CancellationToken cancel)
    {
        var set = Empty(labels);
        var row = Math.Max(0, Array.FindIndex(_schedule.Rows.ToArray(), r => r.Timestep <= share * (_noise.Schedule.Count - 1)));
        var kept = _noise.Schedule.AlphasCumprod[_schedule.Rows[row].Timestep];
        var size = data.SampleNumbers;
        var noisy = new double[_plan.BatchSize * size];
        for (var start = 0; start < indices.Length; start += _plan.BatchSize)
        {
            for (var i = 0; i < Math.Min(_plan.BatchSize, indices.Length - start); i++)
            {
                var random = new RandomStream(_plan.Seed, "generate/redraw", start + i);
                var clean = NoisyDraws.Clean(_model, data, indices[start + i]);
                for (var j = 0; j < size; j++)
                    noisy[(i * size) + j] = (Math.Sqrt(kept) * clean[j]) + (Math.Sqrt(1 - kept) * random.Normal());
            }

            SetLabels(labels.AsSpan(start));
            _sampler.First = (ulong)start;
            _sampler.Start(noisy);
            Run(set, start, row, cancel);
        }

        return set;
    }

    /// <inheritdoc/>
    public void Dispose() => _program.Dispose();

    private int Pixels => _model.Network.Height * _model.Network.Width;

    private GeneratedSet Empty(ReadOnlySpan<int> labels)
    {
        var numbers = Pixels * _model.Network.Channels;
        var bytes = _model.Latents?.Pictures.Numbers ?? numbers;
        return new GeneratedSet(labels.ToArray(), new byte[labels.Length * bytes], new double[labels.Length])
        {
            Latents = _model.Latents is null ? null : new float[labels.Length * numbers],
        };
    }

    // Rows beyond the last label repeat it.
    private void SetLabels(ReadOnlySpan<int> labels)
    {
        for (var row = 0; row < _sampler.Batch; row++)
        {
            var image = row - (_sampler.Batch - _plan.BatchSize);
            _classes.Span[row] = image < 0 ? _spec.ClassCount : labels[Math.Min(image, labels.Length - 1)];
        }
    }

    private void Run(GeneratedSet set, int start, int from, CancellationToken cancel)
    {
        var n = Math.Min(_plan.BatchSize, set.Labels.Length - start);
        for (var row = from; row < _schedule.Count; row++)
        {
            cancel.ThrowIfCancellationRequested();
            _sampler.Row = row;
            _program.Run();
            AddDistances(set.ScoreDistances.AsSpan(start, n), _schedule.Rows[row], _schedule.Count - from);
        }

        var images = _sampler.Images();
        var size = Pixels * _model.Network.Channels;
        for (var i = 0; i < n; i++)
            if (set.Latents is { } latents)
                Decode(images.AsSpan(i * size, size), latents.AsSpan((start + i) * size, size), set, start + i);
            else
                Quantise(images.AsSpan(i * size, size), set.Pixels.AsSpan((start + i) * size, size));
    }

    private void Quantise(ReadOnlySpan<double> image, Span<byte> pixels)
    {
        var c = _model.Network.Channels;
        for (var i = 0; i < image.Length; i++)
        {
            var (pixel, channel) = (i / c, i % c);
            var value = (image[i] * _model.Normalization.Std[channel]) + _model.Normalization.Mean[channel];
            // Not a number becomes black: a model that has collapsed is to be judged, too.
            var level = double.IsFinite(value) ? Math.Clamp(Math.Round(255 * value), 0, 255) : 0;
            pixels[(channel * Pixels) + pixel] = (byte)level;
        }
    }

    private void Decode(ReadOnlySpan<double> image, Span<float> latents, GeneratedSet set, int index)
    {
        var c = _model.Network.Channels;
        for (var i = 0; i < image.Length; i++)
            latents[(i % c * Pixels) + (i / c)] = double.IsFinite(image[i]) ? (float)image[i] : 0;
        var picture = _model.Latents!.Decode(latents.ToArray());
        picture.CopyTo(set.Pixels, index * picture.Length);
    }

    private void AddDistances(Span<double> distances, SamplerRow row, int steps)
    {
        if (!_spec.NullRow)
        {
            distances.Fill(double.NaN);
            return;
        }

        var output = Tasks.HostCopy.Of(_program, _output);
        var (half, size) = (output.Length / 2, output.Length / 2 / _plan.BatchSize);
        for (var i = 0; i < distances.Length; i++)
        {
            double sum = 0;
            for (var j = i * size; j < (i + 1) * size; j++)
                sum += (output[half + j] - output[j]) * (output[half + j] - output[j]);
            // The x part of eps is the same in both.
            distances[i] += Math.Abs(row.Form.NoiseOfOutput) * Math.Sqrt(sum / size) / steps;
        }
    }
}
