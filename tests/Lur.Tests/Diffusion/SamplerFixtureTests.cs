using Lur.Device;
using Lur.Tasks.Diffusion;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Reference;

namespace Lur.Tests.Diffusion;

/// <summary>Schedules and samplers against runs of diffusers' schedulers in float64: the numbers of each step, the naive reference, and
/// sampler.cu and diffuse.cu.</summary>
public class SamplerFixtureTests
{
    private const double Double = 1e-10;

    private static IEnumerable<SchedulerCase> Cases => SchedulerCase.All();

    [TestCaseSource(nameof(Cases))]
    public void TimestepsAndNoiseAreThoseOfDiffusers(SchedulerCase test)
    {
        var (schedule, noise) = (test.Schedule, NoiseSchedule.Of(test.Config));
        Assert.That(schedule.Rows.ToArray().Select(r => r.Timestep), Is.EqualTo(test.Timesteps));
        double[] alphas = [.. test.Timesteps.Select(t => noise.AlphasCumprod[t])];
        Errors.AssertClose(alphas, test.Numbers("alphas_cumprod"), Double, "alphas_cumprod");
        Assert.That(schedule.TakesNoise, Is.EqualTo(test.Kind == SamplerKind.Ddpm || test.Settings.Eta > 0));
    }

    [TestCaseSource(nameof(Cases))]
    public void TheReferenceMakesTheSteps(SchedulerCase test) =>
        Walk(
            test,
            new SamplerReference(test.Settings, test.Timesteps).Step,
            (x, k) => Errors.AssertClose(x, test.Numbers($"x.{k}"), Double, $"x.{k}")
        );

    [TestCaseSource(nameof(Cases))]
    public void TheKernelMakesTheSteps(SchedulerCase test)
    {
        var schedule = test.Schedule;
        foreach (var device in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(device, Precision.Float64);
            var (table, kept) = (scope.Vector(schedule.Table()), scope.Vector(test.Numbers("x.0").Length));
            double[] Step(int i, double[] x, double[] m, double[] z) =>
                Run(scope, schedule, table, i, scope.Vector(x), schedule.LooksBack ? kept : null, m, schedule.TakesNoise ? z : null);
            Walk(test, Step, (x, k) => Errors.AssertClose(x, test.Numbers($"x.{k}"), Double, $"{scope.Name} x.{k}"));
        }
    }

    // Each of x, m, z and the x0 before is rounded once, each factor once; x0 and e take two roundings more, their products and the
    // four sums another five: 16 u of the sum of magnitudes, each step from the x of the file.
    [TestCaseSource(nameof(Cases))]
    public void TheKernelMakesTheStepsInFloat(SchedulerCase test)
    {
        var schedule = test.Schedule;
        foreach (var device in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(device, Precision.Float32);
            var (table, reference) = (scope.Vector(schedule.Table()), new SamplerReference(test.Settings, test.Timesteps));
            double[]? before = null;
            for (var i = 0; i < test.Indices.Length; i++)
            {
                var row = test.Indices[i];
                var (x, m, z) = (test.Numbers($"x.{i}"), test.Numbers($"model.{i}"), test.Numbers($"noise.{i}"));
                var kept = before is null ? scope.Vector(x.Length) : scope.Vector(before);
                var actual = Run(scope, schedule, table, row, scope.Vector(x), kept, m, z);
                var allowed = Magnitudes.Of(schedule.Rows[row], x, m, z, before, 16 * Precision.Float32.Unit());
                Errors.AssertWithin(actual, test.Numbers($"x.{i + 1}"), allowed, $"{scope.Name} x.{i + 1}");
                reference.Step(row, x, m, z);
                before = reference.Sample;
            }
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void NoiseIsAddedAsDiffusersDoes(SchedulerCase test)
    {
        var (t, x0, e) = (test.Integers("add_noise.t"), test.Numbers("add_noise.x0"), test.Numbers("add_noise.noise"));
        // Diffusers' DPM-Solver takes the last time step of the run for those that the run does not visit.
        if (test.Kind == SamplerKind.DpmSolver)
            t = Array.ConvertAll(t, of => test.Timesteps.Contains(of) ? of : test.Timesteps[^1]);
        var pairs = NoiseSchedule.Of(test.Config).Pairs();
        var (n, length) = (t.Length, x0.Length / t.Length);
        foreach (var device in TestDevices.AllBlockSizes())
        {
            using var scope = new KernelScope(device, Precision.Float64);
            var (noised, velocity) = (scope.Vector(x0.Length), test.Has("velocity") ? scope.Vector(x0.Length) : null);
            scope.Kernels.Diffuse.DiffuseForward(
                scope.Device.Rows(n, length),
                noised.Pointer,
                velocity?.Pointer ?? default,
                scope.Vector(x0).Pointer,
                scope.Vector(e).Pointer,
                scope.Array(t).Pointer(),
                scope.Vector(pairs).Pointer,
                n,
                length
            );
            Errors.AssertClose(noised.Get(), test.Numbers("add_noise.y"), Double, "x_t");
            if (velocity is not null)
                Errors.AssertClose(velocity.Get(), test.Numbers("velocity"), Double, "velocity");
        }
    }

    [Test]
    public void TheFixturesHoldEverySampler() =>
        Assert.That(Cases.Select(c => c.Kind).Distinct().Count(), Is.EqualTo(3), "a file without cases would pass");

    // From the start to the end of what the file holds: tensor k belongs to step Indices[k], whose x goes on though steps are left out.
    private static void Walk(SchedulerCase test, Func<int, double[], double[], double[], double[]> step, Action<double[], int> check)
    {
        var x = test.Numbers("x.0");
        for (var k = 0; k < test.Indices.Length; k++)
        {
            x = step(test.Indices[k], x, test.Numbers($"model.{k}"), test.Numbers($"noise.{k}"));
            check(x, k + 1);
        }
    }

    private static double[] Run(
        KernelScope scope,
        SamplerSchedule schedule,
        GuardedBuffer table,
        int row,
        GuardedBuffer x,
        GuardedBuffer? kept,
        double[] m,
        double[]? z
    )
    {
        scope.Kernels.Sampler.SamplerStep(
            scope.Device.Elements(m.Length),
            x.Pointer,
            kept?.Pointer ?? default,
            scope.Vector(m).Pointer,
            z is null ? default : scope.Vector(z).Pointer,
            table.Pointer,
            scope.Array((ulong)row).Pointer(),
            m.Length,
            0,
            1,
            schedule.Clip
        );
        return x.Get();
    }
}
