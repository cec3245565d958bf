using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tests.Device;

namespace Lur.Tests.Diffusion;

/// <summary>Images of a network against a walk by hand, with the same network asked once for each row; and what an image does not
/// depend on.</summary>
public class ImageSamplerTests
{
    private const ulong Seed = 7;

    [Test]
    public void ImagesAreThoseOfAWalkByHand([Values] SamplerKind kind, [Values(null, 0.0, 1.0, 2.5)] double? guidance)
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float64);
        var options = new SamplingOptions
        {
            Sampler = kind,
            Steps = 4,
            Eta = kind == SamplerKind.Ddim ? 0.5 : 0,
            Guidance = guidance,
            Seed = Seed,
        };
        using var sampler = new ImageSampler(model, options, rows: 2);
        int[] labels = [1, 0, 2];
        var actual = sampler.Sample(labels, first: 5);
        using var network = new AskedNetwork(model);
        for (var k = 0; k < labels.Length; k++)
        {
            var label = labels[k];
            var image = Walk(
                SamplerSchedule.Of(kind, SchedulerConfig.Default(SchedulerClass.Ddpm), 4, options.Eta),
                5 + (ulong)k,
                (x, t) => Guided(network, x, t, label, guidance)
            );
            var own = actual.AsSpan(k * 192, 192).ToArray();
            // The images are floats; the walk is in double as the sampler is, and four steps of this network magnify no error by 1000.
            Errors.AssertClose(Array.ConvertAll(own, v => (double)v), image, 1e-7, $"image {k}");
        }
    }

    [Test]
    public void TheLastStepReturnsItsCleanImageThoughEtaIsOne()
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float64);
        using var sampler = new ImageSampler(model, new SamplingOptions { Steps = 1, Eta = 1 });
        using var network = new AskedNetwork(model);
        var x = SamplerDraws.Noise("sample/start", 0, 0, 1, 192, seed: 1);
        var m = network.Ask(x, 0, 2);
        var a = NoiseSchedule.Of(SchedulerConfig.Default(SchedulerClass.Ddpm)).AlphasCumprod[0];
        var clean = new double[192];
        for (var i = 0; i < clean.Length; i++)
            clean[i] = (Math.Clamp((x[i] - (Math.Sqrt(1 - a) * m[i])) / Math.Sqrt(a), -1, 1) + 1) / 2;
        Errors.AssertClose(Array.ConvertAll(sampler.Sample([2]), v => (double)v), SamplerDraws.Channels(clean, 3), 1e-7, "x0");
    }

    [Test]
    public void AnImageDependsOnNoOtherAndOnNoNumberOfThem([Values] bool guided)
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32);
        var options = new SamplingOptions
        {
            Sampler = SamplerKind.Ddpm,
            Steps = 2,
            Guidance = guided ? 2 : null,
        };
        float[] Make(ulong first, params int[] labels)
        {
            using var sampler = new ImageSampler(model, options);
            return sampler.Sample(labels, first);
        }

        var whole = Make(0, 0, 1, 2, 0, 1);
        Assert.That(Make(0, 0), Is.EqualTo(whole[..192]), "the first alone");
        Assert.That(Make(0, 0, 1, 2), Is.EqualTo(whole[..576]), "three of five");
        Assert.That(Make(3, 0, 1), Is.EqualTo(whole[576..]), "by their numbers");
        Assert.That(Make(3, 0, 2)[..192], Is.EqualTo(whole[576..768]), "beside another class");
        Assert.That(whole[..192], Is.Not.EqualTo(whole[576..768]), "images 0 and 3 of class 0 differ");
        Assert.That(Make(3, 1), Is.Not.EqualTo(whole[576..768]), "the class makes a difference");
    }

    [Test]
    public void OfOneClassOrOfNone()
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32);
        using var sampler = new ImageSampler(model, new SamplingOptions { Steps = 2 }, rows: 2);
        var (images, done) = (new List<float[]>(), new List<long>());
        sampler.Sample(1, 3, (k, image) => images.Add([k, .. image]), progress: done.Add);
        Assert.That(images.SelectMany(i => i.Skip(1)), Is.EqualTo(sampler.Sample([1, 1, 1])));
        Assert.That((images.Select(i => (int)i[0]), done), Is.EqualTo((new[] { 0, 1, 2 }, new long[] { 2, 4, 5, 6 })));
        using var plain = TinyUNet.Create(TestDevices.Default, Precision.Float32, ":k0");
        using var unconditional = new ImageSampler(plain, new SamplingOptions { Steps = 2 });
        images.Clear();
        unconditional.Sample(null, 1, (_, image) => images.Add(image.ToArray()));
        Assert.That(images.Single(), Has.Length.EqualTo(192).And.All.InRange(0, 1));
    }

    [Test]
    public void RefusalsSayWhatToDo()
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32);
        using var plain = TinyUNet.Create(TestDevices.Default, Precision.Float32, ":k0");
        using var rowless = TinyUNet.Create(TestDevices.Default, Precision.Float32, ":nonull");
        var guided = new SamplingOptions { Steps = 2, Guidance = 2 };
        RefusedModel(rowless, guided, "no row for no class");
        RefusedModel(plain, guided, "no classes to be guided to");
        RefusedModel(model, guided with { Guidance = double.NaN }, "finite");
        RefusedModel(model, guided with { Steps = 1001 }, "1001");
        new ImageSampler(rowless, guided with { Guidance = 1 }).Dispose();
        using var sampler = new ImageSampler(model, guided);
        Refused(() => sampler.Sample([3]), "no class 3; its classes are 0 to 2");
        Refused(() => sampler.Sample(null, 1, (_, _) => { }), "give one from 0 to 2");
        using var unconditional = new ImageSampler(plain, guided with { Guidance = null });
        Refused(() => unconditional.Sample(0, 1, (_, _) => { }), "without classes");
    }

    [Test]
    public void ACancelledSamplerStopsBetweenSteps()
    {
        using var model = TinyUNet.Create(TestDevices.Default, Precision.Float32);
        using var sampler = new ImageSampler(model, new SamplingOptions { Steps = 4 });
        using var cancel = new CancellationTokenSource();
        var last = 0L;
        void Stop(long done)
        {
            last = done;
            if (done == 2)
                cancel.Cancel();
        }

        Assert.Throws<OperationCanceledException>(() => sampler.Sample([0, 1], progress: Stop, cancel: cancel.Token));
        Assert.That(last, Is.EqualTo(2));
        Assert.That(sampler.Sample([0]), Has.Length.EqualTo(192), "it can be used again");
    }

    [Test]
    public void BytesRoundHalfToEven() =>
        Assert.That(ImageSampler.ToBytes([0, 1, 0.5f, 2.5f / 255, 3.5f / 255]), Is.EqualTo(new byte[] { 0, 255, 128, 2, 4 }));

    private static void RefusedModel(Model model, SamplingOptions options, string sentence) =>
        Refused(() => new ImageSampler(model, options).Dispose(), sentence);

    private static void Refused(Action action, string sentence) =>
        Assert.That(Assert.Throws<UserErrorException>(() => action())!.Message, Does.Contain(sentence));

    private static double[] Guided(AskedNetwork network, double[] x, int t, int label, double? guidance)
    {
        var m = network.Ask(x, t, label);
        if (guidance is not { } weight)
            return m;
        var none = network.Ask(x, t, 3);
        return [.. m.Zip(none, (c, n) => n + (weight * (c - n)))];
    }

    private static double[] Walk(SamplerSchedule schedule, ulong number, Func<double[], int, double[]> ask)
    {
        const int length = 192;
        var (x, before) = (SamplerDraws.Noise("sample/start", 0, number, 1, length, Seed), new double[length]);
        for (var i = 0; i < schedule.Count; i++)
        {
            var row = schedule.Rows[i];
            var (m, z) = (ask(x, row.Timestep), SamplerDraws.Noise("sample/noise", (ulong)i, number, 1, length, Seed));
            for (var j = 0; j < length; j++)
            {
                var clean = (row.Form.SampleOfX * x[j]) + (row.Form.SampleOfOutput * m[j]);
                clean = schedule.Clip > 0 ? Math.Clamp(clean, -schedule.Clip, schedule.Clip) : clean;
                var e = (row.Form.NoiseOfX * x[j]) + (row.Form.NoiseOfOutput * m[j]);
                x[j] = (row.X * x[j]) + (row.Sample * clean) + (row.Noise * e) + (row.Random * z[j]) + (row.Previous * before[j]);
                before[j] = clean;
            }
        }

        return SamplerDraws.Channels(Array.ConvertAll(x, v => Math.Clamp((v + 1) / 2, 0, 1)), 3);
    }
}
