using System.Reflection;
using System.Xml.Linq;
using Lur.Models;
using Lur.Tests.Architecture;
using Lur.Training;

namespace Lur.Tests.CInterface;

/// <summary>What the native compiler leaves out of liblur.</summary>
public class SubstitutionTests
{
    private const string File = "src/Lur.Native/substitutions.xml";

    /// <summary>No record is printed but trainings, whose text is the key of what they leave: the texts of all members were
    /// 0.15 MB. Where another is printed after all, it is an error and no shorter text. A new record is written into the file with
    /// LUR_WRITE_GOLDEN=1.</summary>
    [Test]
    public void NoRecordOfTheLibraryCanPrintItsMembers()
    {
        var path = Path.Combine(Repository.Root, File);
        var document = XDocument.Load(path);
        var library = document.Root!.Elements().Single(e => e.Attribute("fullname")!.Value == "Lur");
        string[] records = [.. typeof(Model).Assembly.GetTypes().Where(Prints).Except(Keys()).Select(NameOf).Order(StringComparer.Ordinal)];
        Assert.That(records, Has.Length.GreaterThan(150));
        if (Environment.GetEnvironmentVariable("LUR_WRITE_GOLDEN") == "1")
        {
            library.ReplaceNodes(
                records.Select(r => new XElement(
                    "type",
                    new XAttribute("fullname", r),
                    new XElement(
                        "method",
                        new XAttribute("signature", "System.Boolean PrintMembers(System.Text.StringBuilder)"),
                        new XAttribute("body", "remove")
                    )
                ))
            );
            System.IO.File.WriteAllText(path, document + "\n");
        }

        Assert.That(library.Elements().Select(e => e.Attribute("fullname")!.Value), Is.EqualTo(records), "LUR_WRITE_GOLDEN=1 writes them");
    }

    // What they are made of is printed with them.
    private static IEnumerable<Type> Keys()
    {
        foreach (var recipe in typeof(Model).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(ITrainingRecipe))))
            for (var type = recipe; type is not null; type = type.BaseType)
                yield return type;
    }

    private static bool Prints(Type type) =>
        type.GetMethod(
            "PrintMembers",
            BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly,
            [typeof(System.Text.StringBuilder)]
        )
            is not null;

    // Names of nested types are joined by a slash.
    private static string NameOf(Type type) => type.FullName!.Replace('+', '/');
}
