using Lur.Tests.Device;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Numbers that are none, in retain data, forget data or a running statistic: weights, momentum, running statistics and
/// the count behind them change together or not at all, in every method of the catalogue and in training.</summary>
public class PoisonTests
{
    private static IEnumerable<string> Methods => MethodCatalog.Classification.Select(m => m.Name);

    [Test]
    public void AStepThatSeesPoisonChangesNothing(
        [ValueSource(nameof(Methods))] string name,
        [Values(Poison.Retain, Poison.Forget)] Poison poison,
        [Values] bool infinite
    )
    {
        using var scope = new PoisonedScope(infinite);
        using var method = MethodScope.Create(scope.Task, name, MethodScope.Short(name));
        foreach (var preparation in method.Preparations)
            preparation.Run();
        // From here on, so that a preparation does not refuse the data before a step has seen it.
        scope.Add(poison);
        var skipped = RunSteps(method, (before, after) => AssertFinite(after));
        var reads = MethodScope.Needs(name).HasFlag(poison == Poison.Retain ? MethodNeeds.RetainData : MethodNeeds.ForgetData);
        // Where batch statistics overflow, and are not kept, loss and gradient may be numbers: then the step is a step.
        if (method.Steps > 0 && (infinite || !reads))
            Assert.That(skipped, reads ? Is.Positive : Is.Zero, "steps that were not made");
    }

    [Test]
    public void APoisonedStatisticIsNotMixedWithGoodOnes([ValueSource(nameof(Methods))] string name)
    {
        using var scope = new PoisonedScope(infinite: true);
        scope.Add(Poison.Statistic);
        using var method = MethodScope.Create(scope.Task, name, MethodScope.Short(name));
        if (name == "retrain" || !TryPrepare(method))
            return; // retrain begins with statistics of its own
        RunSteps(
            method,
            (before, after) =>
            {
                // A step that neither reads nor moves running statistics may be made.
                foreach (var ((what, old), (_, now)) in before.Zip(after))
                {
                    if (what is "running statistics" or "batches tracked")
                        Errors.AssertSame(now, old, what);
                    else
                        Assert.That(now.All(double.IsFinite), what);
                }
            }
        );
    }

    [Test]
    public void APreparationThatSeesPoisonLeavesAGoodModel(
        [ValueSource(nameof(Methods))] string name,
        [Values(Poison.Retain, Poison.Forget, Poison.Statistic)] Poison poison,
        [Values] bool infinite
    )
    {
        using var scope = new PoisonedScope(infinite);
        scope.Add(poison);
        using var method = MethodScope.Create(scope.Task, name, MethodScope.Short(name));
        if (TryPrepare(method) && poison != Poison.Statistic)
            AssertFinite(new StateWalk(method).Read());
    }

    [Test]
    public void ATrainingStepThatSeesPoisonChangesNothing([Values] bool infinite, [Values] bool statistic)
    {
        using var scope = new PoisonedScope(infinite);
        var options = new TrainingOptions
        {
            Epochs = 8,
            BatchSize = 8,
            LearningRate = 0.01,
            Schedule = "constant",
        };
        using var trainer = new Trainer(scope.Model, scope.Task.Data, [.. Enumerable.Range(0, scope.Task.Data.Count)], options);
        while (trainer.Step < trainer.StepsPerEpoch)
            trainer.RunStep();
        scope.Add(statistic ? Poison.Statistic : Poison.Retain);
        var state = new StateWalk(trainer);
        Assert.That(state.Names, Has.Some.Contains("moment"));
        var unchanged = 0;
        while (trainer.Step < trainer.Steps)
        {
            var before = state.Read();
            try
            {
                trainer.RunStep();
            }
            catch (UserErrorException)
            {
                // That the training diverged may be said at once.
                AssertSame(before, state.Read());
                return;
            }

            var after = state.Read();
            unchanged += SameWeights(before, after) ? 1 : 0;
            if (SameWeights(before, after))
                AssertSame(before, after);
            else if (!statistic)
                AssertFinite(after);
            else
                Assert.Fail("a step was made with a running statistic that is no number");
        }

        Assert.That(unchanged, Is.Positive, "steps that were not made");
    }

    /// <summary>Runs a method to its end; a step that leaves the weights must leave every bit, another one must satisfy a
    /// check.</summary>
    /// <returns>Steps that were not made.</returns>
    private static int RunSteps(
        UnlearningMethod method,
        Action<IReadOnlyList<(string Name, double[] Values)>, IReadOnlyList<(string Name, double[] Values)>> made
    )
    {
        var state = new StateWalk(method);
        if (method.Steps > 0)
            Assert.That(state.Names, Has.Some.Contains("moment"), "the optimiser's state is among what is looked at");
        var (skipped, reported) = (0, 0);
        while (method.Step < method.Steps)
        {
            var before = state.Read();
            reported += method.RunStep().Skipped ? 1 : 0;
            var after = state.Read();
            // Whether a step was made is read from the weights: what it reports may come a step later.
            if (SameWeights(before, after))
            {
                skipped++;
                AssertSame(before, after);
            }
            else
                made(before, after);
        }

        Assert.That(reported > 0, Is.EqualTo(skipped > 0), "steps that were not made are reported");
        return skipped;
    }

    private static bool SameWeights(
        IReadOnlyList<(string Name, double[] Values)> before,
        IReadOnlyList<(string Name, double[] Values)> after
    ) => before.Zip(after).All(p => p.First.Name != "parameters" || p.First.Values.SequenceEqual(p.Second.Values));

    /// <summary>Runs the preparations; one that refuses the data must not have touched the model.</summary>
    private static bool TryPrepare(UnlearningMethod method)
    {
        var state = new StateWalk(method);
        foreach (var preparation in method.Preparations)
        {
            var before = state.Read();
            try
            {
                preparation.Run();
            }
            catch (UserErrorException)
            {
                AssertSame(before, state.Read());
                return false;
            }
        }

        return true;
    }

    private static void AssertSame(
        IReadOnlyList<(string Name, double[] Values)> before,
        IReadOnlyList<(string Name, double[] Values)> after
    )
    {
        foreach (var ((name, old), (_, now)) in before.Zip(after))
            Errors.AssertSame(now, old, name);
    }

    private static void AssertFinite(IReadOnlyList<(string Name, double[] Values)> state)
    {
        foreach (var (name, values) in state)
            Assert.That(values.Count(v => !double.IsFinite(v)), Is.Zero, $"{name}: elements that are not finite");
    }
}
