// The API's documentation: Swagger UI, served by ourselves. Its own bundle, for its own page.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

const place = document.getElementById("swagger");
SwaggerUI({ domNode: place, url: place.dataset.url, deepLinking: true, validatorUrl: null });
