using System.Text.RegularExpressions;

namespace Lur.Tests.Architecture;

/// <summary>What a tensor is called is known to the model families, and what a class is to the parts that are about labels.</summary>
public partial class NamesOfModelsTests
{
    private static readonly string[] s_folders =
    [
        "Device",
        "Programs",
        "Tensors",
        "Layers",
        "Losses",
        "Optimizers",
        "Checkpoints",
        "Steps",
        "Training",
        "Unlearning",
        "Verification",
    ];

    [Test]
    public void NoTensorOfAFamilyIsNamedOutsideTheModels()
    {
        string[] files = [.. s_folders.SelectMany(folder => Repository.Files($"src/Lur/{folder}", ".cs"))];
        Assert.That(files, Has.Length.GreaterThan(100));
        Repository.AssertNone(
            from file in files
            from line in Repository.Lines(file).Select((text, i) => (text: text.Trim(), number: i + 1))
            where !line.text.StartsWith("//", StringComparison.Ordinal) && Name().IsMatch(line.text)
            select $"{file}:{line.number}: {line.text}",
            "Ask the model for its head and its late part (Model.Head, Model.LateTensors, Model.Outputs):"
        );
    }

    [TestCase("Repair")]
    [TestCase("LurStep")]
    [TestCase("Trim")]
    [TestCase("SaliencyMask")]
    [TestCase("MemoryGradients")]
    [TestCase("Methods/FineTune")]
    [TestCase("Methods/GradientAscent")]
    [TestCase("Methods/NegGradPlus")]
    [TestCase("Methods/Retrain")]
    [TestCase("Methods/ScissorHands")]
    [TestCase("Methods/SparseFineTune")]
    public void WhatWorksOnAnyTaskKnowsNothingOfClassification(string file)
    {
        var text = Repository.Read($"src/Lur/Unlearning/{file}.cs");
        Assert.That(text, Does.Not.Contain("Classification").And.Not.Contain(".Labels"));
    }

    [Test]
    public void AStepKnowsNothingOfLabels() =>
        Repository.AssertNone(
            Repository.Files("src/Lur/Steps", ".cs").Where(f => Repository.Read(f).Contains("Label")),
            "What belongs to a row beside the network's inputs is the task's:"
        );

    [TestCase("names.Append(\"fc\")", ExpectedResult = true)]
    [TestCase("s.Name.StartsWith(\"layer4\")", ExpectedResult = true)]
    [TestCase("n.StartsWith(\"layer\")", ExpectedResult = true)]
    [TestCase("model.Classes - 1", ExpectedResult = true)]
    [TestCase("throw new X(\"a layer of the network\")", ExpectedResult = false)]
    public bool ThePatternFinds(string line) => Name().IsMatch(line);

    [GeneratedRegex(@"""(fc|layer\d*)[.""]|\bClasses\b")]
    private static partial Regex Name();
}
