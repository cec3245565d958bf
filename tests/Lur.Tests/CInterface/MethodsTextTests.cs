using System.Text.Json;
using System.Text.RegularExpressions;
using Lur.Native.Exports;
using Lur.Tests.Architecture;
using Lur.Unlearning;

namespace Lur.Tests.CInterface;

/// <summary>What liblur says of methods is what its page and its header describe, and names options as a program gives them.</summary>
public partial class MethodsTextTests
{
    private static readonly string[] s_kinds = ["number", "integer", "flag", "choice", "text"];

    [Test]
    public void TheJsonHasTheFieldsThatThePageAndTheHeaderDescribe()
    {
        var page = Repository.Read("docs/embedding.md");
        string[] ofMethod = Fields(page, "Field of a method"),
            ofOption = Fields(page, "Field of an option");
        var header = Repository.Read("src/Lur.Native/include/lur.h");
        header = header[header.IndexOf("/* All methods with their options", StringComparison.Ordinal)..];
        header = header[..header.IndexOf("*/", StringComparison.Ordinal)];
        foreach (var field in ofMethod.Concat(ofOption))
            Assert.That(header, Does.Contain($"\"{field}\""));

        using var json = JsonDocument.Parse(MethodsText.Json);
        Assert.That(json.RootElement.GetArrayLength(), Is.EqualTo(MethodCatalog.All.Count));
        foreach (var method in json.RootElement.EnumerateArray())
        {
            RequireFields(method, ofMethod, "options");
            Assert.That(method.GetProperty("models").GetString(), Is.EqualTo("classifiers").Or.EqualTo("UNets"));
            Assert.That(method.GetProperty("name").GetString(), Is.Not.Empty);
            foreach (var option in method.GetProperty("options").EnumerateArray())
            {
                RequireFields(option, ofOption, "choices");
                RequireKind(option);
            }
        }
    }

    private static void RequireKind(JsonElement option)
    {
        string kind = option.GetProperty("kind").GetString()!,
            text = option.GetProperty("default").GetString()!;
        string?[] choices = [.. option.GetProperty("choices").EnumerateArray().Select(c => c.GetString())];
        Assert.That(s_kinds, Does.Contain(kind));
        Assert.That(choices.Length > 0, Is.EqualTo(kind == "choice"), option.ToString());
        if (kind == "choice")
            Assert.That(choices, Does.Contain(text));
        if (kind == "flag")
            Assert.That(text, Is.EqualTo("true").Or.EqualTo("false"));
    }

    private static void RequireFields(JsonElement thing, string[] fields, string list)
    {
        Assert.That(thing.EnumerateObject().Select(p => p.Name), Is.EqualTo(fields));
        foreach (var property in thing.EnumerateObject())
            Assert.That(property.Value.ValueKind, Is.EqualTo(property.Name == list ? JsonValueKind.Array : JsonValueKind.String));
    }

    // The first column of the table with a heading.
    private static string[] Fields(string page, string heading)
    {
        var table = page[page.IndexOf($"| {heading} |", StringComparison.Ordinal)..];
        table = table[..table.IndexOf("\n\n", StringComparison.Ordinal)];
        return [.. Row().Matches(table).Select(m => m.Groups[1].Value)];
    }

    [TestCase("Option --lr is -1; it must be above 0.", "Option lr is -1; it must be above 0.")]
    [TestCase("Option --epoch is not an option; did you mean '--epochs'?", "Option epoch is not an option; did you mean 'epochs'?")]
    [TestCase("total with --hvp none", "total with hvp=none")]
    [TestCase("ssd: --alpha 0.5 selects no weight; give --alpha below that.", "ssd: alpha=0.5 selects no weight; give alpha below that.")]
    [TestCase("as 'lur train --forget' does -- and --mask-ratio, too", "as 'lur train --forget' does -- and mask-ratio, too")]
    [TestCase("--compat does it, --compat", "compat does it, compat")]
    [TestCase("--", "--")]
    public void OptionsAreNamedAsTheCallerGivesThem(string sentence, string expected) =>
        Assert.That(OptionNames.AsGiven(sentence), Is.EqualTo(expected));

    [Test]
    public void NoTextOfAMethodHasAnOptionOfTheCommand() => Assert.That(MethodsText.Json, Does.Not.Match("(^|[ (\"])--[a-z]"));

    [GeneratedRegex(@"^\| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
