using Lur.Device;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Kernels;

namespace Lur.Tests.Diffusion;

/// <summary>A sampler in a captured program: one graph serves every step, and an image does not depend on its batch.</summary>
public class SamplerStepTests
{
    private const ulong Seed = 99;
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    // A linear network, m = x: its images by hand from the table, with the draws that Philox gives.
    [Test]
    public void OneGraphMakesEveryStep(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values] SamplerKind kind,
        [Values] bool captured
    )
    {
        const int n = 3,
            length = 2 * 3 * 1;
        var schedule = SamplerSchedule.Of(kind, SchedulerConfig.Default(SchedulerClass.Ddim), 7, kind == SamplerKind.Ddim ? 0.5 : 0);
        var (x, before) = (Noise("s/start", 0, 5, n, length), new double[n * length]);
        for (var i = 0; i < schedule.Count; i++)
        {
            var (row, z) = (schedule.Rows[i], Noise("s/noise", (ulong)i, 5, n, length));
            for (var j = 0; j < x.Length; j++)
            {
                var sample = (row.Form.SampleOfX + row.Form.SampleOfOutput) * x[j];
                sample = schedule.Clip > 0 ? Math.Clamp(sample, -schedule.Clip, schedule.Clip) : sample;
                var e = (row.Form.NoiseOfX + row.Form.NoiseOfOutput) * x[j];
                x[j] = (row.X * x[j]) + (row.Sample * sample) + (row.Noise * e) + (row.Random * z[j]) + (row.Previous * before[j]);
                before[j] = sample;
            }
        }

        foreach (var test in TestDevices.All)
        {
            using var p = new Program(test.Device, precision) { Captured = captured };
            var sampler = new SamplerStep(p, "s", schedule, new Shape(n, 2, 3, 1), Seed) { First = 5 };
            sampler.Emit(Copied(p, sampler.Input));
            // A second round starts anew: nothing of the first is left.
            for (var round = 0; round < 2; round++)
            {
                sampler.Start();
                sampler.RunAll();
                // The draws are known to 6.66 * 16 u, and no step of this network makes an error larger.
                Errors.AssertClose(sampler.Images(), x, 150 * precision.Unit(), $"{test} round {round}");
            }
        }
    }

    [Test]
    public void AnImageDoesNotDependOnItsBatch([ValueSource(nameof(Precisions))] Precision precision)
    {
        var schedule = SamplerSchedule.Of(SamplerKind.Ddpm, SchedulerConfig.Default(SchedulerClass.Ddpm), 4);
        foreach (var test in TestDevices.All)
        {
            double[] Make(int n, ulong first)
            {
                using var p = new Program(test.Device, precision) { Captured = true };
                var sampler = new SamplerStep(p, "s", schedule, new Shape(n, 1, 5, 3), Seed) { First = first };
                sampler.Emit(Copied(p, sampler.Input));
                sampler.Start();
                sampler.RunAll();
                return sampler.Images();
            }

            var (five, two) = (Make(5, 0), Make(2, 3));
            Errors.AssertSame(two, five[(3 * 15)..], "images 3 and 4");
            Assert.That(five[..15], Is.Not.EqualTo(five[15..30]), "images differ");
        }
    }

    [Test]
    public void GuidanceTakesTheNullHalfFirst([ValueSource(nameof(Precisions))] Precision precision)
    {
        // From x = 0: x' = Noise e + Sample x0, both proportional to m.
        var config = SchedulerConfig.Default(SchedulerClass.Ddim) with
        {
            ClipSample = false,
        };
        var schedule = SamplerSchedule.Of(SamplerKind.Ddim, config, 5);
        var row = schedule.Rows[0];
        var factor = row.Noise + (row.Sample * row.Form.SampleOfOutput);
        foreach (var test in TestDevices.All)
        foreach (var guidance in new[] { 0.0, 1, 7.5 })
        {
            using var p = new Program(test.Device, precision) { Captured = true };
            var sampler = new SamplerStep(p, "s", schedule, new Shape(2, 1, 1, 1), Seed, guidance);
            Assert.That((sampler.Batch, sampler.Input.Shape), Is.EqualTo((4, new Shape(4, 1, 1, 1))));
            Program.Keep(sampler.Timesteps);
            sampler.Emit(p.Constant("output", [1, 2, 10, 30]));
            sampler.Start([0, 0]);
            p.Run();
            double[] expected = [factor * (1 + (guidance * 9)), factor * (2 + (guidance * 28))];
            // Some ten roundings, of terms of guidance times 30.
            Errors.AssertClose(sampler.Images(), expected, 1000 * precision.Unit(), $"guidance {guidance}");
            var timesteps = new int[4];
            test.Device.Download(timesteps.AsSpan(), sampler.Timesteps.Typed<int>());
            Assert.That(timesteps, Is.All.EqualTo(row.Timestep));
        }
    }

    [Test]
    public void ATrainingBatchIsDrawnAnewForEachOfItsCounters(
        [ValueSource(nameof(Precisions))] Precision precision,
        [Values] PredictionType prediction
    )
    {
        const int n = 5,
            length = 6;
        var schedule = NoiseSchedule.Linear(50, 1e-3, 0.1);
        var clean = precision.Round(TestRandom.ForCurrentTest().NormalArray(n * length));
        foreach (var test in TestDevices.All)
        {
            using var p = new Program(test.Device, precision) { Captured = true };
            var state = p.Input<ulong>("state", new Shape(2));
            var labels = p.Input<int>("labels", new Shape(n));
            var dropped = Program.Keep(p.Raw("dropped", ValueRole.Output, new Shape(1), sizeof(double)));
            p.Clear(dropped);
            var draws = Operand.Of<ulong>(state.Device);
            var t = Program.Keep(DiffusionDraws.Timesteps(p, "b", n, schedule.Count, antithetic: true, draws));
            var noise = Program.Keep(DiffusionDraws.Noise(p, "b", new Shape(n, 2, 3, 1), draws));
            var y = Program.Keep(DiffusionDraws.DropConditions(p, "b", labels.Device, 10, 0.5, draws, dropped));
            var x0 = new FlatImages(p, clean, new Shape(n, 2, 3, 1));
            var (noised, target) = DiffusionDraws.AddNoise(p, "b", schedule, prediction, x0.Value, noise, t);
            (Program.Keep(noised), Program.Keep(target)).ToString();
            state.Span[0] = Seed;
            foreach (var counter in new ulong[] { 0, n, 7 * n })
            {
                state.Span[1] = counter;
                p.Run();
                var (times, kept, count) = (new int[n], new int[n], new double[1]);
                test.Device.Download(times.AsSpan(), t.Typed<int>());
                test.Device.Download(kept.AsSpan(), y.Typed<int>());
                test.Device.Download(count.AsSpan(), dropped.Typed<double>());
                var (drawn, e) = (new int[n], Noise("b/noise", 0, counter, n, length));
                for (var i = 0; i < n; i++)
                    drawn[i] = Philox.Below(Philox.Block(Seed, RandomStream.StreamOf("b/timesteps"), counter + (ulong)i).X, 50);
                Assert.That(times, Is.EqualTo(new[] { drawn[0], drawn[1], drawn[2], 49 - drawn[0], 49 - drawn[1] }));
                bool Drops(int i) => Philox.Uniform(Philox.Block(Seed, RandomStream.StreamOf("b/drop"), counter + (ulong)i).X) < 0.5f;
                Assert.That(kept, Is.EqualTo(Enumerable.Range(0, n).Select(i => Drops(i) ? 10 : 0)));
                Assert.That(count[0], Is.EqualTo(kept.Count(v => v == 10)));
                var (expected, wanted) = (new double[n * length], new double[n * length]);
                for (var i = 0; i < expected.Length; i++)
                {
                    var a = schedule.AlphasCumprod[times[i / length]];
                    expected[i] = (Math.Sqrt(a) * clean[i]) + (Math.Sqrt(1 - a) * e[i]);
                    wanted[i] = prediction switch
                    {
                        PredictionType.Epsilon => e[i],
                        PredictionType.Sample => clean[i],
                        _ => (Math.Sqrt(a) * e[i]) - (Math.Sqrt(1 - a) * clean[i]),
                    };
                }

                // A normal number is known to 6.66 * 16 u, see RandomTests.
                Errors.AssertClose(x0.Read(noised), expected, 120 * precision.Unit(), "x_t");
                Errors.AssertClose(x0.Read(target), wanted, 120 * precision.Unit(), "target");
            }
        }
    }

    // The network gets a buffer of its own: its output may not be its input.
    private static Value Copied(Program p, Value input)
    {
        var output = p.Real("output", ValueRole.Activation, input.Shape);
        p.Copy<Real>(output, input, input.Bytes);
        return output;
    }

    private static double[] Noise(string purpose, ulong step, ulong first, int rows, int length) =>
        SamplerDraws.Noise(purpose, step, first, rows, length, Seed);

    private sealed class FlatImages
    {
        private readonly Program _program;

        public FlatImages(Program program, double[] numbers, Shape shape)
        {
            _program = program;
            Value = program.Real("x0", ValueRole.Input, shape);
            program.Copy<Real>(Value, program.Constant("clean", numbers), Value.Bytes);
            Program.Keep(Value);
        }

        public Value Value { get; }

        public double[] Read(Value value)
        {
            var wide = new double[value.Shape.Count];
            if (_program.Precision == Precision.Float64)
            {
                _program.Device.Download(wide.AsSpan(), value.Pointer);
                return wide;
            }

            var narrow = new float[wide.Length];
            _program.Device.Download(narrow.AsSpan(), value.Pointer);
            return Array.ConvertAll(narrow, x => (double)x);
        }
    }
}
