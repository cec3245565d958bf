using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Layers;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Images that a model has drawn, some of each class, as a data set: replay for methods that see no data.</summary>
internal sealed class GeneratedImages : IImageDataset
{
    private const int Rows = 32;
    private readonly Model _model;
    private readonly int _perClass;

    /// <summary>Room for the images, which are black.</summary>
    /// <param name="model">Model that will draw them.</param>
    /// <param name="perClass">Images of each class.</param>
    public GeneratedImages(Model model, int perClass)
    {
        (_model, _perClass) = (model, perClass);
        Count = DiffusionTargets.RequireClasses(model).ClassCount * perClass;
        Pixels = new byte[Count * this.SampleBytes];
    }

    /// <summary>Their bytes, or numbers of four, image by image, channel, row, column.</summary>
    public byte[] Pixels { get; }

    /// <inheritdoc/>
    public string Name => "generated";

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Channels => _model.Network.Channels;

    /// <inheritdoc/>
    public int Height => _model.Network.Height;

    /// <inheritdoc/>
    public int Width => _model.Network.Width;

    /// <inheritdoc/>
    public bool IsReal => _model.Latents is not null;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _model.ClassNames;

    /// <inheritdoc/>
    public int Label(int index) => index / _perClass;

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw) => Pixels.AsSpan(index * this.SampleBytes, this.SampleBytes).CopyTo(chw);

    /// <summary>Draws them with the model's weights as they are, by DDIM.</summary>
    /// <param name="steps">Steps of the sampler.</param>
    /// <param name="guidance">Weight of the class; a model without a row for none is asked once and not guided.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="progress">Called with the number of images done, or null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public void Draw(int steps, double guidance, ulong seed, Action<int>? progress, CancellationToken cancellation)
    {
        using var program = new Program(_model.Device, _model.Precision) { Captured = true };
        var (spec, n) = ((UNetSpec)_model.Spec, Math.Min(Rows, Count));
        var schedule = SamplerSchedule.Of(SamplerKind.Ddim, DiffusionNoise.Of(_model).Config, steps);
        var sampler = new SamplerStep(
            program,
            "replay",
            schedule,
            new Programs.Shape(n, Height, Width, Channels),
            seed,
            spec.NullRow ? guidance : null
        );
        var asked = program.Input<int>("replay/classes", new Programs.Shape(sampler.Batch));
        var pass = new NetworkPass(program, "replay", sampler.Batch, _model.Parameters, _model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = _model.Frozen,
            Inference = true,
        };
        var rows = new NoisyRows(sampler.Batch, sampler.Input, sampler.Timesteps, asked.Device, sampler.Input);
        sampler.Emit(_model.Network.Forward(pass, NoisyRows.InputsOf(rows).ToValues()));
        for (var first = 0; first < Count; first += n)
        {
            cancellation.ThrowIfCancellationRequested();
            asked.Span.Fill(spec.ClassCount);
            var conditioned = asked.Span[^n..];
            for (var row = 0; row < n; row++)
                conditioned[row] = Label(Math.Min(first + row, Count - 1));
            sampler.First = (ulong)first;
            sampler.Start();
            sampler.RunAll();
            Take(sampler.Images(), first, Math.Min(n, Count - first));
            progress?.Invoke(Math.Min(first + n, Count));
        }
    }

    /// <inheritdoc/>
    public void Dispose() { }

    private void Take(double[] images, int first, int count)
    {
        var (plane, normalization) = (Height * Width, _model.Normalization);
        if (IsReal)
        {
            TakeLatents(images, MemoryMarshal.Cast<byte, float>(Pixels.AsSpan())[(first * this.SampleNumbers)..], count * plane);
            return;
        }

        for (var i = 0; i < count * plane; i++)
        {
            for (var c = 0; c < Channels; c++)
            {
                var value = (images[(i * Channels) + c] * normalization.Std[c]) + normalization.Mean[c];
                var at = ((((first + (i / plane)) * Channels) + c) * plane) + (i % plane);
                Pixels[at] = (byte)Math.Clamp(Math.Round(255 * value), 0, 255);
            }
        }
    }

    private void TakeLatents(double[] images, Span<float> numbers, int pixels)
    {
        var plane = Height * Width;
        for (var i = 0; i < pixels; i++)
        for (var c = 0; c < Channels; c++)
            numbers[(((i / plane * Channels) + c) * plane) + (i % plane)] = (float)images[(i * Channels) + c];
    }
}
