using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Classification;
using Lur.Tests.Device;

namespace Lur.Tests.Training;

public class EvaluatorTests
{
    [Test]
    public void AnOutputThatIsNoNumberIsRefusedAndNoClass([Values(float.NaN, float.PositiveInfinity)] float weight)
    {
        using var source = DataSource.Open("synthetic:train=40,test=23,seed=3");
        var data = source.Test;
        var spec = ModelFamilies.Parse("resnet[1]:w4", new ImageSize(data.Height, data.Width, data.Channels), data.ClassNames.Count);
        using var model = new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            data.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.3, 0.3, 0.3])
        );
        model.Initialize(11);
        using var evaluator = new Evaluator(model, 16);
        Assert.That(() => evaluator.Predict(data, [5, 6]), Throws.Nothing);
        var values = model.Parameters.ToFloatArray();
        values[^1] = weight; // The bias of the last class.
        model.Parameters.Set(values);
        var error = Assert.Throws<UserErrorException>(() => evaluator.Predict(data, [5, 6]));
        Assert.That(error!.Message, Does.StartWith("The model's output for sample 5 of").And.Contain("not a finite number"));
    }

    [Test]
    public void ProbabilitiesAgreeWithWhatTheKernelReports([Values] Precision precision, [Values(5, 64)] int batch)
    {
        using var source = DataSource.Open("synthetic:train=40,test=23,seed=3");
        var data = source.Test;
        var spec = ModelFamilies.Parse("resnet[1,1]:w4", new ImageSize(data.Height, data.Width, data.Channels), data.ClassNames.Count);
        using var model = new Model(
            TestDevices.Default,
            precision,
            spec,
            data.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.3, 0.3, 0.3])
        );
        model.Initialize(11);
        using var evaluator = new Evaluator(model, batch);
        // Not the first samples and not in order: rows must not be mixed up.
        int[] indices = [.. Enumerable.Range(0, 23).Select(i => (7 * i) % 23)];
        var result = evaluator.Predict(data, indices, probabilities: true);
        var classes = data.ClassNames.Count;
        Assert.That(result.Probabilities, Has.Length.EqualTo(23 * classes));
        for (var i = 0; i < 23; i++)
        {
            var row = result.Probabilities![(i * classes)..((i + 1) * classes)];
            Assert.That(row.Sum(p => (double)p), Is.EqualTo(1).Within(1e-6));
            Assert.That(row[result.Labels[i]], Is.EqualTo(result.Confidence[i]).Within(1e-6));
            Assert.That(-Math.Log(row[result.Labels[i]]), Is.EqualTo(result.Loss[i]).Within(1e-5));
            Assert.That(row[result.Predicted[i]], Is.EqualTo(row.Max()));
        }

        Assert.That(result.Confidence.Distinct().Count(), Is.GreaterThan(5), "equal rows would hide a mix-up");
        var without = evaluator.Predict(data, indices);
        Assert.That(without.Probabilities, Is.Null);
        Assert.That(without.Confidence, Is.EqualTo(result.Confidence));
    }
}
