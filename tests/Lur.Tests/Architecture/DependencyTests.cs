using System.Reflection;

namespace Lur.Tests.Architecture;

/// <summary>Who may use whom. The table is the rule; everything not listed is forbidden.</summary>
/// <remarks>Over budget: the tables are the file.</remarks>
public class DependencyTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Device"] = [],
        ["Programs"] = ["Device"],
        ["Tensors"] = ["Device", "Programs"],
        // From a prompt to the numbers of its tokens.
        ["Text"] = [],
        ["Layers"] = ["Device", "Programs", "Tensors"],
        ["Optimizers"] = ["Device", "Programs", "Tensors"],
        // ModelFile knows how a model's tensors are named and laid out in a file; Checkpoints knows files only.
        ["Models"] = ["Device", "Programs", "Tensors", "Text", "Layers", "Checkpoints"],
        ["Data"] = ["Tensors"],
        ["Metrics"] = ["Tensors"],
        ["Checkpoints"] = ["Tensors"],
        // What a model is for: how its batches are made, its losses, how it is judged.
        ["Tasks"] = ["Losses", "Steps", "Device", "Programs", "Tensors", "Text", "Layers", "Models", "Data", "Metrics"],
        ["Training"] =
        [
            "Tasks",
            "Steps",
            "Device",
            "Programs",
            "Tensors",
            "Layers",
            "Optimizers",
            "Models",
            "Data",
            "Checkpoints",
            "Metrics",
        ],
        // Speaks of the retain loss and the forget loss, which the task makes.
        ["Unlearning"] =
        [
            "Tasks",
            "Steps",
            "Device",
            "Programs",
            "Tensors",
            "Text",
            "Layers",
            "Optimizers",
            "Models",
            "Data",
            "Checkpoints",
            "Training",
        ],
        // Checks whole models against fixtures and attacks: nothing in the library uses it.
        ["Verification"] =
        [
            "Losses",
            "Tasks",
            "Steps",
            "Device",
            "Programs",
            "Tensors",
            "Text",
            "Layers",
            "Optimizers",
            "Models",
            "Data",
            "Checkpoints",
            "Training",
            "Unlearning",
            "Metrics",
        ],
        // Whole runs, for the command and for C# programs: everything below, nothing that prints or draws.
        ["Runs"] =
        [
            "Tasks",
            "Steps",
            "Device",
            "Programs",
            "Tensors",
            "Text",
            "Layers",
            "Models",
            "Data",
            "Checkpoints",
            "Training",
            "Unlearning",
            "Metrics",
            "Verification",
        ],
        // The library inside a program: jobs around runs, weights and data in the program's memory.
        ["Hosting"] = ["Runs", "Verification", "Models", "Tensors", "Layers", "Programs", "Device"],
        // A loss is put behind an output whose gradient and tangent it is given: it sees no layer.
        ["Losses"] = ["Device", "Programs"],
        ["Steps"] = ["Device", "Programs", "Tensors", "Layers", "Losses", "Optimizers", "Models", "Checkpoints"],
    };

    /// <summary>Who may allocate besides Device and Programs, and why it is no part of a step's plan.</summary>
    private static readonly Dictionary<string, string> s_allocationExceptions = new()
    {
        ["Lur.Unlearning.Trim"] = "scratch of a stage that runs once, before the steps",
    };

    private static readonly string[] s_frameworks =
    [
        "TorchSharp",
        "Microsoft.ML",
        "Tensorflow",
        "ILGPU",
        "ComputeSharp",
        "MathNet",
        "Accord",
        "Keras",
    ];

    private static Assembly Library => typeof(UserErrorException).Assembly;

    private static Assembly Command => Assembly.Load("Lur.Cli");

    private static Assembly Reports => Assembly.Load("Lur.Reports");

    /// <summary>What each assembly of the product may reference beside the runtime; everything not listed is forbidden.</summary>
    private static readonly Dictionary<string, string[]> s_mayReference = new()
    {
        // Interfaces of logging, for programs that embed the library.
        ["Lur"] = ["Lur.Cuda", "Microsoft.Extensions.Logging.Abstractions"],
        ["Lur.Reports"] = ["Lur", "ScottPlot", "SkiaSharp"],
        // Lur.Cuda: an optional argument of KernelImages.Precompile is a library of its loader.
        ["Lur.Cli"] = ["Lur", "Lur.Reports", "Lur.Cuda", "System.CommandLine", "Spectre.Console", "Spectre.Console.Ansi"],
    };

    [Test]
    public void EveryFolderOfTheLibraryHasARule()
    {
        var unknown = Library.GetTypes().Select(Part).Where(part => part.Length > 0).Distinct().Where(part => !s_mayUse.ContainsKey(part));
        Repository.AssertNone(unknown, "These namespaces of Lur have no row in the table of dependencies:");
    }

    [Test]
    public void ArrowsPointOnlyDown()
    {
        var violations = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var type in Library.GetTypes().Where(t => s_mayUse.ContainsKey(Part(t))))
        {
            var from = Part(type);
            foreach ((var used, var where) in CodeReferences.TypesUsedBy(type).Where(u => u.Used.Assembly == Library))
            {
                var to = Part(used);
                if (to.Length > 0 && to != from && !s_mayUse[from].Contains(to))
                    violations.Add($"{type.FullName}.{where} uses {used.FullName}: {from} may use {Allowed(from)}");
            }
        }
        Repository.AssertNone(violations, "Dependencies against the design:");
    }

    [Test]
    public void TheScanSeesBodiesAndSignatures()
    {
        // The rule above would pass on an empty scan: this type mentions StringComparer only inside a body, Assembly only in
        // a signature, and both must be found.
        Type[] used = [.. CodeReferences.TypesUsedBy(typeof(DependencyTests)).Select(u => u.Used)];
        Assert.That(used, Does.Contain(typeof(StringComparer)).And.Contain(typeof(Assembly)).And.Contain(typeof(Repository)));
    }

    [Test]
    public void AssembliesReferenceOnlyWhatTheTableSays()
    {
        var violations = new List<string>();
        foreach (var assembly in new[] { Library, Reports, Command })
        {
            var name = assembly.GetName().Name!;
            var references = assembly.GetReferencedAssemblies().Select(r => r.Name!).ToArray();
            Assert.That(references, Is.Not.Empty);
            violations.AddRange(
                references
                    .Where(r => !IsRuntime(r) && !s_mayReference[name].Contains(r) && !(name == "Lur" && IsOtherBinding(r)))
                    .Select(r => $"{name} references {r}")
            );
        }
        Repository.AssertNone(violations, "References against the design:");
    }

    [TestCase("Lur")]
    [TestCase("Lur.Reports")]
    public void OnlyTheCommandPrints(string name)
    {
        var violations = Assembly
            .Load(name)
            .GetTypes()
            .SelectMany(type => CodeReferences.TypesUsedBy(type).Where(u => u.Used == typeof(Console)).Select(u => $"{type}.{u.Where}"));
        Repository.AssertNone(violations, $"{name} writes to the console:");
    }

    [Test]
    public void NoDeepLearningFrameworkIsUnderneath()
    {
        var names = new[] { Library, Reports, Command }
            .SelectMany(a => a.GetReferencedAssemblies().Select(r => $"{a.GetName().Name} references {r.Name}"))
            .Where(line => s_frameworks.Any(f => line.Contains($"references {f}", StringComparison.OrdinalIgnoreCase)));
        Repository.AssertNone(names, "Frameworks in the product:");
    }

    [Test]
    public void OnlyTheBindingsImportNativeFunctions()
    {
        // The type and the identity of a file, which .NET does not tell; to open a pipe to learn that it is one waits. And a map of a
        // file, with which .NET's would bring OpenSSL into liblur.
        Type[] known = [typeof(RegularFile), typeof(MappedFile)];
        var violations = new List<string>();
        foreach (var type in Product())
        {
            violations.AddRange(
                CodeReferences
                    .Methods(type)
                    .Where(m => m.Attributes.HasFlag(MethodAttributes.PinvokeImpl) && !known.Contains(type.DeclaringType ?? type))
                    .Select(m => $"{type.FullName}.{m.Name}")
            );
        }
        violations.AddRange(
            new[] { "src/Lur", "src/Lur.Reports", "src/Lur.Cli" }
                .SelectMany(folder => Repository.Files(folder, ".cs"))
                .Where(file => !known.Any(type => Path.GetFileName(file) == $"{type.Name}.cs"))
                .Where(file =>
                    Repository
                        .Lines(file)
                        .Any(line =>
                            line.TrimStart().StartsWith("[LibraryImport", StringComparison.Ordinal)
                            || line.TrimStart().StartsWith("[DllImport", StringComparison.Ordinal)
                        )
                )
        );
        Repository.AssertNone(violations, "Native imports outside Lur.Cuda:");
    }

    [Test]
    public void NoNativeHandleInAPublicSignatureAboveDevice()
    {
        var violations = new List<string>();
        foreach (var type in Library.GetExportedTypes().Where(t => Part(t) is not ("Device" or "") && !t.IsSubclassOf(typeof(Delegate))))
        {
            foreach (
                var member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            )
            {
                violations.AddRange(SignatureOf(member).Where(IsNativeHandle).Select(t => $"{type.FullName}.{member.Name} shows {t.Name}"));
            }
        }
        Repository.AssertNone(violations, "Native handles in public signatures:");
    }

    [Test]
    public void OnlyDeviceAndProgramsAllocateDeviceMemory()
    {
        var violations = new List<string>();
        var found = false;
        foreach (var type in Product())
        {
            foreach (var method in CodeReferences.Methods(type))
            {
                var allocates = CodeReferences
                    .MembersUsedBy(method)
                    .Any(m => m.Name == "Allocate" && m.DeclaringType?.FullName == "Lur.Device.ComputeDevice");
                found |= allocates;
                if (
                    allocates
                    && (type.Assembly != Library || Part(type) is not ("Device" or "Programs"))
                    && !s_allocationExceptions.ContainsKey(type.FullName ?? "")
                )
                    violations.Add($"{type.FullName}.{method.Name}");
            }
        }
        Repository.AssertNone(violations, "Device memory is allocated outside Device and Programs:");
        Assert.That(found, Is.True, "No caller of ComputeDevice.Allocate was found at all; the scan looks for the wrong name.");
    }

    private static IEnumerable<Type> Product() => new[] { Library, Reports, Command }.SelectMany(a => a.GetTypes());

    private static bool IsRuntime(string assembly) =>
        (assembly.StartsWith("System.", StringComparison.Ordinal) && assembly != "System.CommandLine")
        || assembly.StartsWith("Microsoft.Win32", StringComparison.Ordinal);

    /// <summary>"Layers" for Lur.Layers and everything below it, "" for the root namespace and what the compiler adds. The loader of
    /// Lur.Cuda belongs to the bindings, also where a build with other bindings compiles it into the library.</summary>
    private static string Part(Type type)
    {
        var words = (type.Namespace ?? "").Split('.');
        return words.Length > 1 && words[0] == "Lur" && words[1] != "Cuda" ? words[1] : "";
    }

    private static bool IsOtherBinding(string assembly) => assembly.Split('.')[0] is "ManagedCuda" or "CudaBlas" or "NVRTC";

    private static string Allowed(string from) => s_mayUse[from].Length == 0 ? "nothing" : string.Join(", ", s_mayUse[from]);

    private static IEnumerable<Type> SignatureOf(MemberInfo member) =>
        (
            member switch
            {
                MethodInfo m => m.GetParameters().Select(p => p.ParameterType).Append(m.ReturnType),
                ConstructorInfo c => c.GetParameters().Select(p => p.ParameterType),
                FieldInfo f => [f.FieldType],
                PropertyInfo p => [p.PropertyType],
                _ => Enumerable.Empty<Type>(),
            }
        ).Select(t => t.IsByRef ? t.GetElementType()! : t);

    private static bool IsNativeHandle(Type type) =>
        type == typeof(nint)
        || type == typeof(nuint)
        || type.IsPointer
        || type.IsFunctionPointer
        || type.Namespace?.Split('.') is ["Lur", "Cuda", ..] or ["ManagedCuda", ..];
}
