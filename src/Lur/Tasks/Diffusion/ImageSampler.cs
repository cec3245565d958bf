using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Shape = Lur.Programs.Shape;

namespace Lur.Tasks.Diffusion;

/// <summary>Draws images from a diffusion model. Image k of a label is a function of the seed, the weights, the label and k, to the bit:
/// neither the other images of a call nor their number change it. One captured graph is replayed for every step of every batch.</summary>
/// <remarks>How many rows a matrix product has decides which of its inner loops makes a row: with batches of 2 and 5 images the floats of
/// one image differed by 3e-7. So the device and the network fix the batch, never the caller; what fills it up is thrown
/// away.</remarks>
public sealed class ImageSampler : IDisposable
{
    private const int MostRows = 64,
        MostActivations = 1 << 25; // of the widest tensor, 128 MiB in float

    private readonly UNetSpec _spec;
    private readonly SamplerSchedule _schedule;
    private readonly Program _program;
    private readonly SamplerStep _step;
    private readonly RunInput<int>? _classes;
    private readonly int _rows;

    /// <summary>Plans a step.</summary>
    /// <param name="model">A UNet; its current weights are used at every call.</param>
    /// <param name="options">How it samples.</param>
    /// <exception cref="UserErrorException">The model draws no images, guidance is asked of one that cannot be guided, or the options do
    /// not fit the noise it was trained with.</exception>
    public ImageSampler(Model model, SamplingOptions options)
        : this(model, options, 0) { }

    /// <summary>With a batch of another size, for tests; 0: that of the device.</summary>
    internal ImageSampler(Model model, SamplingOptions options, int rows)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        _spec =
            model.Spec as UNetSpec
            ?? throw new UserErrorException($"{model.Architecture} tells classes apart and draws no images; give a UNet.");
        _rows = rows > 0 ? rows : RowsOn(model.Device, _spec);
        RequireImages();
        var guidance = options.Guidance is { } weight && weight != 1 ? Guided(weight) : default(double?);
        var noise = DiffusionNoise.Of(model);
        _schedule = SamplerSchedule.Of(options.Sampler, noise.Config, options.Steps, options.Eta);
        Note = noise.Config.Note;
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        var (height, width) = (_spec.Input.Height, _spec.Input.Width);
        _step = new SamplerStep(p, "sample", _schedule, new Shape(_rows, height, width, _spec.Outputs), options.Seed, guidance);
        List<(string, Value)> inputs = [(NetworkInput.Images, _step.Input), (UNetInputs.Time, _step.Timesteps)];
        if (_spec.Condition != ClassCondition.None)
        {
            _classes = p.Input<int>("sample/classes", new Shape(_step.Batch));
            inputs.Add((UNetInputs.Class, _classes.Device));
        }

        var pass = new NetworkPass(p, "sample", _step.Batch, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
            Inference = true,
        };
        _step.Emit(model.Network.Forward(pass, [.. inputs]));
    }

    /// <summary>True to give the numbers as they are drawn, latents for an autoencoder, in place of images in [0, 1].</summary>
    public bool AsDrawn { get; init; }

    /// <summary>Images that are made together.</summary>
    public int BatchSize => _rows;

    /// <summary>Steps of an image.</summary>
    public int Steps => _schedule.Count;

    /// <summary>Numbers of an image: C H W.</summary>
    public int ImageLength => _spec.Outputs * _spec.Input.Height * _spec.Input.Width;

    /// <summary>A sentence about what of the model's scheduler is not followed; null for nothing.</summary>
    public string? Note { get; }

    /// <summary>Draws images of one class.</summary>
    /// <param name="label">Class, from 0; null for a model without classes.</param>
    /// <param name="count">How many.</param>
    /// <param name="take">Given each image in its order: its place from 0, and its numbers in [0, 1], [C, H, W], which are valid during
    /// the call; see <see cref="AsDrawn"/>.</param>
    /// <param name="first">Number of the first image.</param>
    /// <param name="progress">Called after each step with the image steps made so far, of count times <see cref="Steps"/>.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <exception cref="UserErrorException">The model has no such class, or an image is not finite.</exception>
    public void Sample(
        int? label,
        int count,
        Action<int, ReadOnlySpan<float>> take,
        ulong first = 0,
        Action<long>? progress = null,
        CancellationToken cancel = default
    )
    {
        RequireLabel(label);
        Sample(count, _ => label ?? 0, take, first, progress, cancel);
    }

    /// <summary>Draws an image for each of some labels: image k of label k.</summary>
    /// <param name="labels">Classes, from 0.</param>
    /// <param name="first">Number of the first image.</param>
    /// <param name="progress">Called after each step with the image steps made so far, of labels times <see cref="Steps"/>.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Images in [0, 1], [N, C, H, W].</returns>
    /// <exception cref="UserErrorException">The model has no such class, or an image is not finite.</exception>
    public float[] Sample(ReadOnlySpan<int> labels, ulong first = 0, Action<long>? progress = null, CancellationToken cancel = default)
    {
        var all = labels.ToArray();
        foreach (var label in all)
            RequireLabel(label);
        var images = new float[checked(all.Length * ImageLength)];
        Sample(all.Length, k => all[k], (k, image) => image.CopyTo(images.AsSpan(k * ImageLength)), first, progress, cancel);
        return images;
    }

    /// <summary>Pixels of images in [0, 1]: 255 times each, rounded half to even as numpy does.</summary>
    public static byte[] ToBytes(ReadOnlySpan<float> images)
    {
        var bytes = new byte[images.Length];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)MathF.Round(255 * images[i]);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => _program.Dispose();

    private void Sample(
        int count,
        Func<int, int> label,
        Action<int, ReadOnlySpan<float>> take,
        ulong first,
        Action<long>? progress,
        CancellationToken cancel
    )
    {
        for (var start = 0; start < count; start += _rows)
        {
            var n = Math.Min(_rows, count - start);
            // What fills the last batch up is not kept.
            for (var row = 0; row < _rows; row++)
                SetLabel(row, label(start + Math.Min(row, n - 1)));
            _step.First = first + (ulong)start;
            _step.Start();
            for (var step = 0; step < _schedule.Count; step++)
            {
                cancel.ThrowIfCancellationRequested();
                _step.Row = step;
                _program.Run();
                progress?.Invoke(((long)start * _schedule.Count) + ((long)n * (step + 1)));
            }

            Give(start, n, take);
        }
    }

    private void SetLabel(int row, int label)
    {
        if (_classes is null)
            return;
        var guided = _step.Batch > _rows;
        _classes.Span[guided ? _rows + row : row] = label;
        if (guided)
            _classes.Span[row] = _spec.ClassCount; // the row for no class
    }

    private void Give(int start, int count, Action<int, ReadOnlySpan<float>> take)
    {
        var (nhwc, image, channels) = (_step.Images(), new float[ImageLength], _spec.Outputs);
        var pixels = ImageLength / channels;
        for (var k = 0; k < count; k++)
        {
            for (var i = 0; i < image.Length; i++)
            {
                var x = nhwc[(k * ImageLength) + (i % pixels * channels) + (i / pixels)];
                image[i] =
                    !double.IsFinite(x) ? throw NotFinite(start + k)
                    : AsDrawn ? (float)x
                    : (float)Math.Clamp((x + 1) / 2, 0, 1);
            }

            take(start + k, image);
        }
    }

    private static UserErrorException NotFinite(int image) =>
        new(
            $"Image {image} holds NaN or infinity: the model's weights diverged, in its training or its unlearning; train it with a "
                + "smaller learning rate."
        )
        {
            IsDivergence = true,
        };

    private static int RowsOn(ComputeDevice device, UNetSpec spec)
    {
        // Blocks of one thread: the cores share the pixels of an image, and 16 images together took 2.0 ms each where one took 2.4.
        if (device.Properties.MaxThreadsPerBlock == 1)
            return 1;
        var rows = MostRows;
        while (rows > 1 && (long)rows * spec.Input.Height * spec.Input.Width * spec.Widths[0] > MostActivations)
            rows /= 2;
        return rows;
    }

    private void RequireImages()
    {
        if (_spec.Outputs != _spec.Input.Channels)
            throw new UserErrorException(
                $"{_spec.Text} gives {_spec.Outputs} channels for images of {_spec.Input.Channels}, a learned variance: no sampler here "
                    + "takes that; give a model that predicts the noise alone."
            );
    }

    private double Guided(double weight)
    {
        if (!double.IsFinite(weight))
            throw new UserErrorException($"The guidance is {weight}, expected a finite number.");
        if (_spec.Condition == ClassCondition.None)
            throw new UserErrorException("The model has no classes to be guided to; leave the guidance out.");
        return _spec.NullRow
            ? weight
            : throw new UserErrorException("The model has no row for no class, which guidance starts from; leave the guidance out.");
    }

    private void RequireLabel(int? label)
    {
        if (_spec.Condition == ClassCondition.None)
        {
            if (label is not null)
                throw new UserErrorException("The model was trained without classes; leave the class out.");
        }
        else if (label is not { } given)
            throw new UserErrorException($"The model draws images of a class; give one from 0 to {_spec.ClassCount - 1}.");
        else if (given < 0 || given >= _spec.ClassCount)
            throw new UserErrorException($"The model has no class {given}; its classes are 0 to {_spec.ClassCount - 1}.");
    }
}
