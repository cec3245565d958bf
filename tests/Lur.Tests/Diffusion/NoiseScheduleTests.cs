using Lur.Tasks.Diffusion;
using Lur.Tests.Device;

namespace Lur.Tests.Diffusion;

/// <summary>Schedules of noise and of steps by their definitions; diffusers' numbers are in SamplerFixtureTests.</summary>
public class NoiseScheduleTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(7)]
    [TestCase(1000)]
    public void BetasAreThoseOfTheirFormulas(int count)
    {
        var (linear, scaled, cosine) = (
            NoiseSchedule.Linear(count, 0.1, 0.3),
            NoiseSchedule.ScaledLinear(count, 0.01, 0.09),
            NoiseSchedule.SquaredCosine(count)
        );
        for (var i = 0; i < count; i++)
        {
            var share = count == 1 ? 0 : i / (count - 1.0);
            Assert.That(linear.Betas[i], Is.EqualTo(0.1 + (0.2 * share)).Within(1e-15));
            Assert.That(scaled.Betas[i], Is.EqualTo(Math.Pow(0.1 + (0.2 * share), 2)).Within(1e-15));
        }

        // alphas_cumprod is the squared cosine itself, up to where a beta meets its bound: in the last step alone.
        double F(double u) => Math.Pow(Math.Cos((u + 0.008) / 1.008 * Math.PI / 2), 2);
        for (var i = 0; i < count - 1; i++)
            Assert.That(cosine.AlphasCumprod[i], Is.EqualTo(F((i + 1.0) / count) / F(0)).Within(1e-12));
        Assert.That(cosine.Betas[count - 1], Is.EqualTo(0.999));
    }

    [Test]
    public void PairsAreRootsOfSignalAndNoise()
    {
        var schedule = NoiseSchedule.Trained([0.5, 0.25, 0.75]);
        Assert.That(schedule.AlphasCumprod.ToArray(), Is.EqualTo(new[] { 0.5, 0.375, 0.09375 }));
        var pairs = schedule.Pairs();
        Assert.That(pairs, Has.Length.EqualTo(6));
        Assert.That(pairs.Select(v => v * v), Is.EqualTo(new[] { 0.5, 0.5, 0.375, 0.625, 0.09375, 0.90625 }).Within(1e-15));
    }

    [Test]
    public void ABetaOutOfItsRangeIsRefused([Values(0, 1, -0.5, double.NaN)] double beta) =>
        Assert.Multiple(() =>
        {
            Assert.That(() => NoiseSchedule.Trained([0.5, beta]), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => NoiseSchedule.Linear(3, 0.5, beta), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => NoiseSchedule.SquaredCosine(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        });

    // A network that knows x0 and gives it, as each prediction has it: DDIM then stays on the line from x0 to the noise, and
    // DPM-Solver++ too, in whatever steps; both end at x0. (DDIM's steps divide T: with others the trailing ones end at a time
    // step, as diffusers' do.)
    [Test]
    public void APerfectNetworkLeadsToItsSample(
        [Values(SamplerKind.Ddim, SamplerKind.DpmSolver)] SamplerKind kind,
        [Values] PredictionType prediction,
        [Values(1, 2, 8, 50)] int steps,
        [Values] TimestepSpacing spacing,
        [Values] SolverType solver
    )
    {
        const double x0 = 0.75,
            e = -1.25;
        var config = SchedulerConfig.Default(SchedulerClass.Ddim) with
        {
            Prediction = prediction,
            ClipSample = false,
            Spacing = spacing,
            Solver = solver,
        };
        var (schedule, noise) = (SamplerSchedule.Of(kind, config, steps), NoiseSchedule.Of(config));
        double At(int t, double sample, double fresh) =>
            (Math.Sqrt(noise.AlphasCumprod[t]) * sample) + (Math.Sqrt(1 - noise.AlphasCumprod[t]) * fresh);
        var (x, before) = (At(schedule.Rows[0].Timestep, x0, e), 0.0);
        foreach (var row in schedule.Rows)
        {
            var t = row.Timestep;
            var (signal, share) = (Math.Sqrt(noise.AlphasCumprod[t]), Math.Sqrt(1 - noise.AlphasCumprod[t]));
            var fresh = (x - (signal * x0)) / share;
            var m = prediction switch
            {
                PredictionType.Epsilon => fresh,
                PredictionType.Sample => x0,
                _ => (signal * fresh) - (share * x0),
            };
            var (sample, inferred) = (
                (row.Form.SampleOfX * x) + (row.Form.SampleOfOutput * m),
                (row.Form.NoiseOfX * x) + (row.Form.NoiseOfOutput * m)
            );
            Assert.That((sample, inferred).sample, Is.EqualTo(x0).Within(1e-11));
            Assert.That(inferred, Is.EqualTo(fresh).Within(1e-11));
            x = (row.X * x) + (row.Sample * sample) + (row.Noise * inferred) + (row.Previous * before);
            before = sample;
        }

        Assert.That(x, Is.EqualTo(x0).Within(1e-11));
    }

    // With eta 1 and steps of leading spacing DDIM's noise is the posterior's, and x has DDPM's mean (Song, Meng, Ermon 2021).
    [Test]
    public void DdimOfEtaOneIsDdpm([Values(1, 10, 1000)] int steps)
    {
        var config = SchedulerConfig.Default(SchedulerClass.Ddim);
        var (ddim, ddpm) = (SamplerSchedule.Of(SamplerKind.Ddim, config, steps, 1), SamplerSchedule.Of(SamplerKind.Ddpm, config, steps));
        for (var i = 0; i < steps; i++)
        {
            var (implicitly, ancestral) = (ddim.Rows[i], ddpm.Rows[i]);
            // e = (x - sqrt(a) x0) / sqrt(1 - a), to compare the factors of x and x0.
            var form = ModelForm.Of(PredictionType.Sample, NoiseSchedule.Of(config).AlphasCumprod[implicitly.Timestep]);
            double[] actual =
            [
                implicitly.Noise * form.NoiseOfX,
                implicitly.Sample + (implicitly.Noise * form.NoiseOfOutput),
                implicitly.Random,
            ];
            Errors.AssertClose(actual, [ancestral.X, ancestral.Sample, ancestral.Random], 1e-9, $"step {i}");
        }
    }

    [TestCase(SamplerKind.Ddpm, 0, 0.0, "at least 1 step; 0 were asked for")]
    [TestCase(SamplerKind.Ddpm, 1001, 0.0, "1001 sampling steps with the spacing leading")]
    [TestCase(SamplerKind.DpmSolver, 1000, 0.0, "1000 sampling steps with the spacing linspace")]
    [TestCase(SamplerKind.Ddim, 10, 1.5, "Eta is 1.5, expected a number from 0 to 1")]
    [TestCase(SamplerKind.Ddim, 10, double.NaN, "Eta is NaN, expected a number from 0 to 1")]
    [TestCase(SamplerKind.Ddpm, 10, 0.5, "Eta is 0.5, which only ddim takes")]
    [TestCase(SamplerKind.DpmSolver, 10, 0.5, "Eta is 0.5, which only ddim takes")]
    public void StepsThatDoNotFitAreRefused(SamplerKind kind, int steps, double eta, string expected)
    {
        var own = kind == SamplerKind.DpmSolver ? SchedulerClass.DpmSolver : SchedulerClass.Ddim;
        var e = Assert.Throws<UserErrorException>(() => SamplerSchedule.Of(kind, SchedulerConfig.Default(own), steps, eta))!;
        Assert.That(e.Message, Does.Contain(expected));
    }

    [Test]
    public void AnOffsetBeyondTheLastTimestepIsRefused()
    {
        var config = SchedulerConfig.Default(SchedulerClass.Ddim) with { StepsOffset = 1 };
        Assert.That(() => SamplerSchedule.Of(SamplerKind.Ddim, config, 999), Throws.Nothing);
        Assert.That(() => SamplerSchedule.Of(SamplerKind.Ddim, config, 1000), Throws.InstanceOf<UserErrorException>());
        var ends = SchedulerConfig.Default(SchedulerClass.DpmSolver) with
        {
            Spacing = TimestepSpacing.Trailing,
            Final = FinalSigma.OfFirstStep,
        };
        Assert.That(() => SamplerSchedule.Of(SamplerKind.DpmSolver, ends, 1000), Throws.InstanceOf<UserErrorException>());
    }

    // Every sampler, prediction, spacing and way to end against the naive reference, with numbers of a network that is wrong.
    [Test]
    public void RowsAreTheStepsOfTheReference(
        [Values] SamplerKind kind,
        [Values] PredictionType prediction,
        [Values] TimestepSpacing spacing,
        [Values(1, 2, 13, 17)] int steps,
        [Values] bool other
    )
    {
        var config = SchedulerConfig.Default(SchedulerClass.Ddim) with
        {
            Prediction = prediction,
            Spacing = spacing,
            Betas = other ? BetaSchedule.SquaredCosine : BetaSchedule.ScaledLinear,
            Variance = other ? VarianceType.FixedLarge : VarianceType.FixedSmall,
            SetAlphaToOne = other,
            Solver = other ? SolverType.Heun : SolverType.Midpoint,
            Final = other ? FinalSigma.OfFirstStep : FinalSigma.Zero,
            LowerOrderFinal = !other,
            TrainTimesteps = 101,
            ClipSample = other,
            ClipSampleRange = 0.5,
        };
        var eta = kind == SamplerKind.Ddim && other ? 0.5 : 0;
        // One trailing step of DPM-Solver++ begins at time step 100; no spacing but linspace with one ancestral step ends elsewhere.
        var schedule = SamplerSchedule.Of(kind, config, steps, eta);
        var reference = new Reference.SamplerReference(
            ReferenceSettings(kind, config, steps, eta),
            [.. schedule.Rows.ToArray().Select(r => r.Timestep)]
        );
        var random = TestRandom.ForCurrentTest();
        var (x, before) = (random.NormalArray(5), new double[5]);
        for (var i = 0; i < steps; i++)
        {
            var (row, m, z) = (schedule.Rows[i], random.NormalArray(5), random.NormalArray(5));
            var expected = reference.Step(i, x, m, z);
            var x0 = x.Zip(m, (a, b) => (row.Form.SampleOfX * a) + (row.Form.SampleOfOutput * b));
            double[] sample = [.. x0.Select(v => schedule.Clip > 0 ? Math.Clamp(v, -schedule.Clip, schedule.Clip) : v)];
            var next = new double[5];
            for (var j = 0; j < 5; j++)
            {
                var e = (row.Form.NoiseOfX * x[j]) + (row.Form.NoiseOfOutput * m[j]);
                next[j] = (row.X * x[j]) + (row.Sample * sample[j]) + (row.Noise * e) + (row.Random * z[j]) + (row.Previous * before[j]);
            }

            // The last x of a cosine schedule is divided by sqrt(ab) = 1e-3 and less.
            Errors.AssertClose(next, expected, 1e-9, $"step {i}");
            (x, before) = (expected, sample);
        }
    }

    private static Reference.SamplerSettings ReferenceSettings(SamplerKind kind, SchedulerConfig config, int steps, double eta) =>
        new(
            kind switch
            {
                SamplerKind.Ddpm => "DDPMScheduler",
                SamplerKind.Ddim => "DDIMScheduler",
                _ => "DPMSolverMultistepScheduler",
            },
            steps,
            eta,
            config.TrainTimesteps,
            config.Betas == BetaSchedule.SquaredCosine ? "squaredcos_cap_v2" : "scaled_linear",
            config.BetaStart,
            config.BetaEnd,
            config.Prediction switch
            {
                PredictionType.Epsilon => "epsilon",
                PredictionType.Sample => "sample",
                _ => "v_prediction",
            },
            config.Variance == VarianceType.FixedLarge ? "fixed_large" : "fixed_small",
            config.ClipSample,
            config.ClipSampleRange,
            config.SetAlphaToOne,
            config.Solver == SolverType.Heun ? "heun" : "midpoint",
            config.LowerOrderFinal,
            config.Final == FinalSigma.Zero
        );
}
