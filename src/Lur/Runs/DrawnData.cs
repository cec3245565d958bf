using System.Globalization;
using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Samples that the original model draws for prompts, so that no picture has to be at hand: from the cache, or drawn now. Latents
/// stay latents.</summary>
/// <param name="request">Prompts, how many of each, how.</param>
/// <param name="model">The model.</param>
/// <param name="cache">Keeps what was drawn.</param>
/// <param name="host">Whom it tells.</param>
internal sealed class DrawnData(RunDataRequest request, LatentModel model, NumbersCache cache, RunHost host)
{
    private readonly LatentSettings _settings = request.Latents;
    private readonly Lazy<string> _sha256 = new(() => RunFolder.Sha256Of(request.Model));

    /// <summary>The prompts.</summary>
    public IReadOnlyList<string> Prompts => _settings.Prompts;

    /// <summary>Samples of each prompt.</summary>
    public int Images(bool test) => test ? _settings.TestImages : _settings.Images;

    /// <summary>What the samples depend on, as a line; empty where there are none.</summary>
    public string Description =>
        Prompts.Count == 0 ? ""
        : request.ToPlan ? "to plan\n"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{_sha256.Value} {_settings.Images} {_settings.Steps} {_settings.Guidance:R} {LatentSettings.TextOf(Prompts)}\n"
        );

    /// <summary>The samples of a part.</summary>
    /// <param name="device">Device that draws.</param>
    /// <param name="captions">Captions of the whole set.</param>
    /// <param name="test">True for the test part.</param>
    /// <param name="firstNumber">Number of the first sample.</param>
    /// <param name="cancel">Stops between steps.</param>
    public HeldPart Part(ComputeDevice device, IReadOnlyList<string> captions, bool test, int firstNumber, CancellationToken cancel)
    {
        var places = captions.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        int[] labels = [.. Prompts.SelectMany(p => Sequences.Repeat(places[p], Images(test)))];
        return new HeldPart(null, labels, request.ToPlan ? null : Contents(device, test, cancel))
        {
            FirstNumber = firstNumber,
            Name = test ? "drawn-test" : LatentSettings.Drawn,
        };
    }

    private byte[][] Contents(ComputeDevice device, bool test, CancellationToken cancel)
    {
        var (input, program) = (model.Input, ProgramHash.Current(host.Device.Kernels));
        var key = new ContentKey(
            ("format", "lur drawn samples 1"),
            ("samples", Description),
            ("part", test ? "test" : "train"),
            ("kernels", program.Kernels),
            ("library", program.Library)
        );
        long[] shape = [Prompts.Count * Images(test), input.Channels, input.Height, input.Width];
        var numbers = cache.GetOrMake(key, $"drawn {(test ? "test" : "training")} samples", shape, () => Draw(device, test, cancel));
        var each = input.Numbers;
        return [.. Sequences.Range(0, numbers.Length / each).Select(i => BytesOf(numbers.AsSpan(i * each, each)))];
    }

    private byte[] BytesOf(ReadOnlySpan<float> sample) =>
        model.Autoencoder is null ? ImageSampler.ToBytes(sample) : MemoryMarshal.AsBytes(sample).ToArray();

    private float[] Draw(ComputeDevice device, bool test, CancellationToken cancel)
    {
        using var asked = PromptBook.With(
            ModelFile.Load(request.Model, device, Precision.Float32),
            request.Model,
            Prompts,
            host.Progress.Warn
        );
        var options = new SamplingOptions
        {
            Sampler = SamplerKind.DpmSolver,
            Steps = _settings.Steps,
            Guidance = _settings.Guidance,
            Seed = 1,
        };
        using var sampler = new ImageSampler(asked, options) { AsDrawn = model.Autoencoder is not null };
        var (each, count) = (sampler.ImageLength, Images(test));
        var numbers = new float[Prompts.Count * count * each];
        using var stage = host.Progress.Stage(
            $"draw {(test ? "test" : "training")} samples",
            (long)Prompts.Count * count * sampler.Steps,
            "steps of images"
        );
        for (var p = 0; p < Prompts.Count; p++)
        {
            var (at, done) = (p * count, (long)p * count * sampler.Steps);
            // Those of the test have the numbers behind those of training.
            var first = SampleRun.FirstNumber(p) + (ulong)(test ? _settings.Images : 0);
            sampler.Sample(
                p,
                count,
                (k, sample) => sample.CopyTo(numbers.AsSpan((at + k) * each)),
                first,
                n => stage.Report(done + n),
                cancel
            );
        }

        return numbers;
    }
}
