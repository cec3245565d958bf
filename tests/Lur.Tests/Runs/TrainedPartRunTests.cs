using Lur.Checkpoints;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Unlearning;

namespace Lur.Tests.Runs;

/// <summary>A run that trains the attentions of a UNet alone: what is outside keeps its bytes in the file, a run that is interrupted goes
/// on to the same bytes, and a step takes less memory.</summary>
public class TrainedPartRunTests
{
    private const string Data = "synthetic:train=30,test=20,seed=5";
    private TempFolder _temp = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        Command.Done("train", "--data", Data, "--model", "unet:c4:m1,2:r1:g2:attn16", "--epochs", "1", "--batch", "8", "-o", _temp["base"]);
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    private string Model(string folder) => _temp[folder + "/model.safetensors"];

    private ForgetSettings Forgetting(string folder, string train) =>
        new()
        {
            Model = Model("base"),
            Data = Data,
            Output = _temp[folder],
            Forget = ["class:star"],
            Method = BoundMethod.Read(
                MethodCatalog.Find("lur", MethodTask.Diffusion),
                new Dictionary<string, string>
                {
                    ["train"] = train,
                    ["steps"] = "4",
                    ["batch"] = "4",
                    ["lr"] = "0.001",
                }
            ),
        };

    [Test]
    public void WhatIsOutsideKeepsItsBytesAndARunGoesOn()
    {
        new ForgetRun(Forgetting("whole", "attention")).Run();
        using (var before = SafeTensorsFile.Open(Model("base")))
        using (var after = SafeTensorsFile.Open(Model("whole")))
        {
            Assert.That(after.Tensors.Select(t => (t.Name, t.Begin)), Is.EqualTo(before.Tensors.Select(t => (t.Name, t.Begin))));
            foreach (var tensor in before.Tensors)
            {
                var same = before.Bytes(tensor.Name).SequenceEqual(after.Bytes(tensor.Name));
                Assert.That(same, Is.EqualTo(!UNetPart.Holds(["attention"], tensor.Name)), tensor.Name);
            }
        }

        using var cancel = new CancellationTokenSource();
        var host = new RunHost { Progress = new CancelAt("repair", 2, cancel) };
        Assert.Throws<OperationCanceledException>(() => new ForgetRun(Forgetting("pieces", "attention"), host).Run(cancel.Token));
        new ForgetRun(Forgetting("pieces", "attention") with { Resume = true }).Run();
        Assert.That(File.ReadAllBytes(Model("pieces")), Is.EqualTo(File.ReadAllBytes(Model("whole"))));
    }

    [Test]
    public void AStepTakesLess()
    {
        var (part, all) = (new ForgetRun(Forgetting("plan", "attention")).Plan(), new ForgetRun(Forgetting("plan", "all")).Plan());
        Assert.That(part.ArenaBytes, Is.LessThan(all.ArenaBytes));
        Assert.That(part.VectorBytes, Is.LessThan(all.VectorBytes));
    }

    private sealed class CancelAt(string stage, int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        private bool _inside;
        private int _reports;

        public void Report(RunEvent value)
        {
            if (value is StageStarted s)
                _inside = s.Stage == stage;
            if (_inside && value is StageProgress && _reports++ == report)
                cancel.Cancel();
        }
    }
}
